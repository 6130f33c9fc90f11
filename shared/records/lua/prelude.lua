-- Put in front of every script of this folder by the loader.
--
-- KEYS[1] is the prefix of every key ("waggle:" after the configured key prefix). All other keys are made from it,
-- so that a hash tag in the prefix keeps them in one slot. Times are Unix milliseconds with three decimals and
-- come from Redis, never from a caller.
local P = KEYS[1]
local SCHEMA = '1'

local read_ms
-- The same throughout one run of a script.
local function now_ms()
  if not read_ms then
    local time = redis.call('TIME')
    read_ms = time[1] * 1000 + time[2] / 1000
  end
  return read_ms
end

local texts = {}
-- A time as it is written. The same few times come again for each job of a micro-batch.
local function ms(number)
  local text = texts[number]
  if not text then
    text = string.format('%.3f', number)
    texts[number] = text
  end
  return text
end

local function job_key(id)
  return P .. 'job:' .. id
end

-- Runs one command with many words at its end; an even number of them at a time, and no more than Lua can unpack.
local function call_with(words, ...)
  local command = { ... }
  local head = #command
  for from = 1, #words, 1000 do
    for i = 0, math.min(999, #words - from) do command[head + 1 + i] = words[from + i] end
    redis.call(unpack(command, 1, head + math.min(1000, #words - from + 1)))
  end
end

local NUMBERS = { 'token', 'lone', 'attempts', 'max_attempts', 'delivery', 'created_ms', 'ttl_ms', 'queue_deadline_ms',
  'requeued_ms', 'started_ms' }

-- What a transition needs to know of a job: its record, by field, and `created`, its created_ms as a text. nil when there is
-- no such record; a table with `unreadable` set when another version wrote it: no script changes such a record. Read in one
-- pass: Redis would search for each of so many fields from the start of the record. In RESP3 the answer is such a table already.
local function load(id)
  redis.setresp(3)
  local job = redis.call('HGETALL', job_key(id)).map
  redis.setresp(2)
  if not job.schema then return nil end
  if job.schema ~= SCHEMA then return { unreadable = true, status = 'unreadable' } end
  job.created = job.created_ms
  for _, field in ipairs(NUMBERS) do job[field] = tonumber(job[field]) end
  return job
end

local function is_ended(status)
  return status == 'succeeded' or status == 'failed' or status == 'canceled' or status == 'expired'
end

-- Whether this claim was the last to take the job. The token alone does not tell: it may come again after a failover that
-- lost a claim.
local function is_of_claim(job, token, claim)
  return job and job.token == tonumber(token) and job.claim == claim
end

-- Whether it holds the job still.
local function holds(job, token, claim)
  return is_of_claim(job, token, claim) and (job.status == 'running' or job.status == 'canceling')
end

-- What an Idempotency-Key, '<caller>:<key>', has made: id of the job, a space, fingerprint of the request. It stays as
-- long as the job, but not longer than KEPT_MS after its end.
local function idem_key(idem)
  return P .. 'key:' .. idem
end

local KEPT_MS = 24 * 3600 * 1000

-- The member of a time index that was created last.
local function newest_of(index)
  return redis.call('ZREVRANGE', index, 0, 0)[1]
end

-- Ids that ended in this run of the script, and by channel how those ended whose submitter waits for them, for announce().
local ended, outcomes = {}, {}

-- What this run of the script takes out of sorted sets and then puts into them, by set: written by announce(), with one
-- command for all jobs of a micro-batch.
local taken_out, put_in = {}, {}

local function take_out(set, id)
  local ids = taken_out[set] or {}
  taken_out[set] = ids
  ids[#ids + 1] = id
end

local function put(set, score, id)
  local scored = put_in[set] or {}
  put_in[set] = scored
  scored[#scored + 1], scored[#scored + 2] = score, id
end

-- Lets a job wait. `queues` names the queues in which jobs wait, so that the sweeper looks at them also when no process
-- knows their model any more; it takes out those that are empty.
local filled = {}
local function put_in_queue(queue, created, id)
  put(P .. 'queued:' .. queue, created, id)
  filled[queue] = true
end

-- The jobs of a model in one state, by creation: everybody's ('*') or an owner's. Those of everybody that wait are the
-- model's queue, which has its name. Made once a run of a script: the same few come again for each job.
local index_keys = {}
local function index_key(owner, model, state)
  local of_state = index_keys[state] or {}
  index_keys[state] = of_state
  local of_model = of_state[model] or {}
  of_state[model] = of_model
  if not of_model[owner] then
    of_model[owner] = P .. (owner ~= '*' and 'index:owner:' .. owner .. ':' .. model .. ':' .. state
      or state == 'queued' and 'queued:' .. model or 'index:all:' .. model .. ':' .. state)
  end
  return of_model[owner]
end

-- The models of which there have been jobs.
local function known_models()
  local models = {}
  for _, field in ipairs(redis.call('HKEYS', P .. 'counts')) do models[#models + 1] = field:match('^(.+):submitted$') end
  return models
end

-- How many wait in a queue: its jobs, and chunks that strict batches hold back.
local function depth_of(queue)
  return redis.call('ZCARD', P .. 'queued:' .. queue) + redis.call('ZCARD', P .. 'held:' .. queue)
end

-- How many of an owner wait in a queue; nil where callers do not share it.
local function waiting_of(owner, queue, is_shared)
  return is_shared and owner ~= '' and redis.call('ZCARD', index_key(owner, queue, 'queued')) or nil
end

-- Why nothing more may wait in a queue of this depth: {'full', depth}, or {'share', own} of an owner of whom so many
-- wait: each may have as many there as there is room left for all, so that one alone takes half and another always
-- finds room. nil when there is room.
local function refusal(depth, own, most)
  if depth >= most then return { 'full', depth } end
  return own and own >= most - depth and { 'share', own } or nil
end

-- Moves a job into the indexes of another state. A chunk has none, but for its queue and its owner's part of it.
local function move(id, job, state)
  if job.status == state then return end
  local created = job.created
  if job.status == 'queued' then take_out(P .. 'queued:' .. job.queue, id) end
  if state == 'queued' then put_in_queue(job.queue, created, id) end
  if job.kind == 'chunk' then
    if job.owner == '' then return end
    local waiting = index_key(job.owner, job.queue, 'queued')
    if job.status == 'queued' then take_out(waiting, id) elseif state == 'queued' then put(waiting, created, id) end
    return
  end
  if job.status ~= 'queued' then take_out(index_key('*', job.model, job.status), id) end
  if state ~= 'queued' then put(index_key('*', job.model, state), created, id) end
  if job.owner ~= '' then
    take_out(index_key(job.owner, job.model, job.status), id)
    put(index_key(job.owner, job.model, state), created, id)
  end
end

-- Jobs by the request id that their owner gave them: of each owner apart, so that none pushes out another's.
local function request_key(owner, request_id)
  return P .. 'request:' .. owner .. ':' .. request_id
end

-- What this run of the script adds to the history: model, then field, then by how much; written by announce(). What is
-- counted for ever is added up in the same way.
local tallies, counts = {}, {}
local HISTORY_MS = 25 * 3600 * 1000

local function tally(model, field, by)
  local of_model = tallies[model]
  if not of_model then
    of_model = {}
    tallies[model] = of_model
  end
  of_model[field] = (of_model[field] or 0) + by
end

-- A job that was submitted, or has ended in this state: of the history, and counted for ever.
local function count(model, what, by)
  local field = model .. ':' .. what
  counts[field] = (counts[field] or 0) + by
  tally(model, what, by)
end

-- Four buckets to each doubling of an eighth of a millisecond: a percentile read from them is off by a tenth at most.
local function bucket_of(spent_ms)
  if spent_ms <= 0.125 then return 0 end
  return math.floor(4 * math.log(spent_ms * 8) / math.log(2))
end

-- Counts completions a second of a queue, for the estimate of waiting time: ten seconds are read back.
local function complete(queue, by, now)
  local second = P .. 'done:' .. queue .. ':' .. math.floor(now / 1000)
  redis.call('INCRBY', second, by)
  redis.call('EXPIRE', second, 15)
end

local function write_tallies()
  if not next(tallies) then return end
  local minute = math.floor(now_ms() / 60000)
  for field, by in pairs(counts) do redis.call('HINCRBY', P .. 'counts', field, by) end
  for model, fields in pairs(tallies) do
    local key, is_new = P .. 'minute:' .. model .. ':' .. minute, false
    for field, by in pairs(fields) do is_new = redis.call('HINCRBY', key, field, by) == by or is_new end
    if is_new then redis.call('PEXPIRE', key, HISTORY_MS) end
  end
end

local function batch_key(id)
  return P .. 'batch:' .. id
end

-- Ends a batch in the given state: no more input is kept, everything else lives as long as the record.
local function finish_batch(id, status, now)
  local key = batch_key(id)
  local v = redis.call('HMGET', key, 'ttl_ms', 'idem_key')
  local ttl = tonumber(v[1])
  redis.call('HSET', key, 'status', status, 'finished_ms', ms(now), 'expires_ms', ms(now + ttl))
  redis.call('DEL', key .. ':in')
  for _, suffix in ipairs({ '', ':out', ':invalid', ':failed' }) do redis.call('PEXPIRE', key .. suffix, ttl) end
  if v[2] ~= '' and redis.call('HGET', v[2], 'batch') == id then redis.call('PEXPIRE', v[2], math.min(ttl, KEPT_MS)) end
  redis.call('ZREM', P .. 'accepting', id)
  ended[#ended + 1] = id
end

-- Ends a batch whose upload is complete and whose last chunk has ended: as failed when not one row came through.
local function finish_batch_if_done(id, now)
  local v = redis.call('HMGET', batch_key(id), 'status', 'chunks', 'chunks_ended', 'rows_succeeded')
  if v[1] ~= 'accepted' or v[2] ~= v[3] then return end
  finish_batch(id, v[4] == '0' and 'failed' or 'succeeded', now)
end

-- Ends a chunk: its record and its input go, its batch counts it. Rows that ran were counted by the commit.
local function finish_chunk(id, status, now, code, message)
  local batch, number = id:match('^(.+):(%d+)$')
  local rows = redis.call('HGET', job_key(id), 'rows')
  redis.call('DEL', job_key(id))
  local key = batch_key(batch)
  redis.call('HDEL', key .. ':in', number)
  local batch_status = redis.call('HGET', key, 'status')
  if batch_status ~= 'accepting' and batch_status ~= 'accepted' then return end
  if status == 'failed' then
    redis.call('HSET', key .. ':failed', number, cjson.encode({ code = code, message = message }))
    redis.call('HINCRBY', key, 'rows_failed', rows)
  end
  redis.call('HINCRBY', key, 'chunks_ended', 1)
  finish_batch_if_done(batch, now)
end

-- Makes the job of a chunk whose columns are stored; the caller puts it into Bee-Queue and announces afterwards.
local function start_chunk(batch, number, rows, now)
  local v = redis.call('HMGET', batch_key(batch), 'model', 'queue', 'owner', 'ttl_ms', 'timeout_ms', 'max_attempts')
  local id = batch .. ':' .. number
  redis.call('HSET', job_key(id), 'schema', SCHEMA, 'kind', 'chunk', 'status', 'queued', 'model', v[1], 'queue', v[2],
    'owner', v[3], 'ttl_ms', v[4], 'timeout_ms', v[5], 'max_attempts', v[6], 'token', 0, 'attempts', 0, 'delivery', 1,
    'created_ms', ms(now), 'rows', rows, 'input', '{}')
  put_in_queue(v[2], ms(now), id)
  if v[3] ~= '' then put(index_key(v[3], v[2], 'queued'), ms(now), id) end
  return id
end

-- Ends a batch that has not ended, as canceled unless told otherwise: waiting chunks go, running ones are told. Returns
-- how many still run.
local function cancel_batch(id, now, state)
  local v = redis.call('HMGET', batch_key(id), 'chunks', 'queue', 'owner', 'strict')
  local chunks, queue, owner, strict = tonumber(v[1]), v[2], v[3], v[4] == '1'
  local running = 0
  finish_batch(id, state or 'canceled', now)
  for number = 0, chunks - 1 do
    local chunk = id .. ':' .. number
    local status = redis.call('HGET', job_key(chunk), 'status')
    if status == 'queued' then
      redis.call('DEL', job_key(chunk))
      take_out(P .. 'queued:' .. queue, chunk)
    elseif status then
      running = running + 1
      redis.call('HSET', job_key(chunk), 'status', 'canceling')
      redis.call('PUBLISH', P .. 'canceling', chunk)
    elseif strict then
      take_out(P .. 'held:' .. queue, chunk)
    end
    if owner ~= '' and (strict or status == 'queued') then take_out(index_key(owner, queue, 'queued'), chunk) end
  end
  return running
end

-- Ends a batch whose upload broke off or is not taken: its Idempotency-Key is free again, unless another batch has it by
-- now, and its values are gone. Returns how many chunks still run.
local function drop_upload(id, now, state)
  local key = batch_key(id)
  local running = cancel_batch(id, now, state)
  local idem = redis.call('HGET', key, 'idem_key')
  if idem ~= '' and redis.call('HGET', idem, 'batch') == id then redis.call('DEL', idem) end
  for _, suffix in ipairs({ ':out', ':invalid', ':failed' }) do redis.call('DEL', key .. suffix) end
  return running
end

-- Ends a job: outcome fields, time to live, indexes, counters. The rest of the arguments are field, value, ...
local function finish(id, job, status, now, ...)
  local key = job_key(id)
  if job.status ~= 'queued' then take_out(P .. 'running', id)
  elseif job.queue_deadline_ms then redis.call('ZREM', P .. 'deadlines', id) end
  move(id, job, status)
  if job.kind == 'chunk' then
    local _, code, _, message = ...
    finish_chunk(id, status, now, code, message)
    return
  end
  redis.call('HSET', key, 'status', status, 'finished_ms', ms(now), 'expires_ms', ms(now + job.ttl_ms), ...)
  redis.call('PEXPIRE', key, job.ttl_ms)
  ended[#ended + 1] = id
  if job.idem then
    redis.call('PEXPIRE', idem_key(job.idem), math.min(job.ttl_ms, KEPT_MS))
    redis.call('HDEL', key, 'idem')
  end
  if job.alone then redis.call('SREM', P .. 'alone', id) end
  if job.request_id then
    -- The index lives as long as the records in it: for ever while its newest job has not ended.
    local requests = request_key(job.owner, job.request_id)
    if newest_of(requests) == id or redis.call('PTTL', requests) >= 0 then
      redis.call('PEXPIRE', requests, job.ttl_ms)
    end
  end
  if job.reply_to then
    local outcome = { id, 'status', status, 'attempts', tostring(job.attempts), 'finished_ms', ms(now),
      'expires_ms', ms(now + job.ttl_ms), ... }
    if job.started_ms then
      outcome[#outcome + 1], outcome[#outcome + 2] = 'started_ms', ms(job.started_ms)
    end
    local told = outcomes[job.reply_to] or {}
    outcomes[job.reply_to] = told
    told[#told + 1] = outcome
  end
  count(job.model, status, 1)
  if status == 'succeeded' or status == 'failed' then
    tally(job.model, 't' .. bucket_of(now - job.created_ms), 1)
    tally(job.model, 'w' .. bucket_of((job.started_ms or now) - job.created_ms), 1)
  end
end

-- Whether a queued job has waited for too long: longer than any may, or, before its first attempt, than it allows itself.
local function is_late(job, now, queue_ttl_ms)
  return now - job.created_ms >= queue_ttl_ms
    or (job.queue_deadline_ms and job.attempts == 0 and now >= job.queue_deadline_ms)
end

-- Ends a queued job that has waited for too long. Of a chunk that is a failure of its rows: its batch goes on.
local function expire(id, job, now)
  if job.kind ~= 'chunk' then return finish(id, job, 'expired', now) end
  finish(id, job, 'failed', now, 'error_code', 'expired',
    'error_message', 'these rows waited for a worker longer than a job may wait (QUEUE_TTL_MS)')
end

-- From now on the job is claimed by itself: an earlier attempt went wrong, and it may be the one to blame. Claims look up in
-- a set who of those in Bee-Queue's list is marked; no chunk is ever taken from a list.
local function mark_alone(id, job)
  if job.alone then return end
  job.alone = '1'
  redis.call('HSET', job_key(id), 'alone', 1)
  if job.kind ~= 'chunk' then redis.call('SADD', P .. 'alone', id) end
end

-- Attempts of a running job whose worker is lost. That one counts only where the claim took no other: of several nobody can
-- say which it was that took the worker down.
local function attempts_lost(job)
  return job.lone == job.token and job.attempts or job.attempts - 1
end

-- Puts a job that was running, or whose delivery got lost, back into the queue under a new delivery.
-- Returns the delivery; the caller hands it to Bee-Queue afterwards. Claims of the deliveries before are over.
local function queue_again(id, job, attempts, now)
  local delivery = job.delivery + 1
  redis.call('HSET', job_key(id), 'status', 'queued', 'delivery', delivery, 'attempts', attempts,
    'requeued_ms', ms(now))
  if job.status ~= 'queued' then take_out(P .. 'running', id) end
  move(id, job, 'queued')
  if job.queue_deadline_ms and attempts == 0 then
    redis.call('ZADD', P .. 'deadlines', ms(job.queue_deadline_ms), id)
  end
  return delivery
end

-- Closes a run of a script that may have moved or ended jobs: writes the indexes and the history, tells those who
-- submitted a job to wait for it how it ended (a list of {id, field, value, ...} as JSON), and wakes whoever else waits
-- for one of them with one message, ids separated by commas.
local function announce()
  for set, ids in pairs(taken_out) do call_with(ids, 'ZREM', set) end
  for set, scored in pairs(put_in) do call_with(scored, 'ZADD', set) end
  for queue in pairs(filled) do redis.call('SADD', P .. 'queues', queue) end
  write_tallies()
  for channel, told in pairs(outcomes) do redis.call('PUBLISH', P .. 'ended:' .. channel, cjson.encode(told)) end
  if #ended > 0 then redis.call('PUBLISH', P .. 'ended', table.concat(ended, ',')) end
end
