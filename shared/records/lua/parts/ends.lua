-- The one end of every job and batch.

-- The sweeper removes a record and its entries once its time is over. The record's own time to live is a net for the case that
-- no API runs for so long after that.
local NET_MS = 24 * 3600 * 1000
-- An Idempotency-Key lives as long as its job, but not longer than this after the job's end.
local KEPT_MS = 24 * 3600 * 1000
-- An outcome that is longer is left for whoever waits for it to read.
local LONGEST_TOLD = 16 * 1024

-- The field `apart` of an input that outlives its job: one of a job that has not succeeded, or of any.
local KEPT_IF_FAILED, KEPT_ALWAYS = '1', '2'

-- Ids that ended in this run of the script, and by API process the ends of those that it accepted, for announce().
local ended, told = {}, {}

-- Ends a batch in the given state: no more input is kept, everything else lives as long as the record.
local function finish_batch(id, status, now)
  local key = batch_key(id)
  local v = redis.call('HMGET', key, 'ttl_ms', 'idem_key')
  local ttl = tonumber(v[1])
  redis.call('HSET', key, 'status', status, 'finished_ms', ms(now), 'expires_ms', ms(now + ttl))
  redis.call('DEL', key .. ':in')
  for _, suffix in ipairs({ '', ':out', ':invalid', ':failed' }) do
    redis.call('PEXPIRE', key .. suffix, ttl + NET_MS)
  end
  if v[2] ~= '' and redis.call('HGET', v[2], 'batch') == id then redis.call('PEXPIRE', v[2], math.min(ttl, KEPT_MS)) end
  redis.call('ZREM', P .. 'accepting', id)
  put(P .. 'ends', due(now + ttl), 'batch:' .. id)
  ended[#ended + 1] = id
end

-- Ends a batch whose upload is complete and whose last chunk has ended: as failed when not one row came through.
local function finish_batch_if_done(id, now)
  local v = redis.call('HMGET', batch_key(id), 'status', 'chunks', 'chunks_ended', 'rows_succeeded')
  if v[1] ~= 'accepted' or v[2] ~= v[3] then return end
  finish_batch(id, v[4] == '0' and 'failed' or 'succeeded', now)
end

-- Ends a chunk: its record and its input go, its batch counts it. Rows that ran were counted by the commit.
local function finish_chunk(job, status, now, failure)
  local batch, number = job.id:match('^(.+):(%d+)$')
  redis.call('DEL', job_key(job.id))
  ended[#ended + 1] = job.id
  local key = batch_key(batch)
  redis.call('HDEL', key .. ':in', number)
  local batch_status = redis.call('HGET', key, 'status')
  if batch_status ~= 'accepting' and batch_status ~= 'accepted' then return end
  if status == 'failed' then
    redis.call('HSET', key .. ':failed', number, failure)
    redis.call('HINCRBY', key, 'rows_failed', job.rows)
  end
  redis.call('HINCRBY', key, 'chunks_ended', 1)
  finish_batch_if_done(batch, now)
end

-- The fields of line 2 behind the claim, where no run ended the job: model version, milliseconds of feature preparation and of
-- prediction, jobs in the micro-batch. The result or the failure follows, as JSON.
local NOT_RUN = '= = = = '

local function since(job, time)
  return ms(math.max(0, time - job.created))
end

-- Ends jobs that have left the place where they stood, and `holds` and `wishes`: all of one `owner` and `model`, ended with one
-- `status` and kept until `expires` for the same `ttl`, with inputs in the same place (`apart`). `words` has, from `first` on,
-- of each of `size` jobs its id, its creation in microseconds, its record with line 2, and where `has_keys` its
-- Idempotency-Key.
local function end_jobs(group, words, first)
  local size, status, ttl = group.size, group.status, group.ttl
  local created, records, keys = first + size, first + 2 * size, first + 3 * size
  local listed, expiring = {}, {}
  for i = 0, size - 1 do
    local id = words[first + i]
    redis.call('SET', job_key(id), words[records + i], 'PX', ttl + NET_MS)
    listed[2 * i + 1], listed[2 * i + 2] = words[created + i], id
    expiring[2 * i + 1], expiring[2 * i + 2] = group.expires, id
  end
  redis.call('ZREM', index_key('open', group.owner, group.model), unpack(words, first, first + size - 1))
  redis.call('ZADD', index_key(status, group.owner, group.model), unpack(listed))
  redis.call('ZADD', P .. 'ends', unpack(expiring))
  redis.call('HINCRBY', P .. 'counts', group.model .. ':' .. status, size)
  for i = 0, group.has_keys and size - 1 or -1 do leave_key(words[keys + i], math.min(ttl, KEPT_MS)) end
  if group.apart == NONE then return end
  local is_kept = group.apart == KEPT_ALWAYS or (group.apart == KEPT_IF_FAILED and status ~= 'succeeded')
  for i = first, first + size - 1 do
    if is_kept then redis.call('PEXPIRE', P .. 'in:' .. words[i], ttl + NET_MS)
    else redis.call('DEL', P .. 'in:' .. words[i]) end
  end
end

-- Ends a job that its caller has taken from where it stood, and that no run has ended. `json`: its failure.
local function finish(job, hold, status, now, json)
  redis.call('HDEL', HOLDS, job.id)
  redis.call('HDEL', WISHES, job.id)
  if job.is_chunk then return finish_chunk(job, status, now, json) end
  local line = status .. ' ' .. since(job, now) .. ' ' .. (hold.started and since(job, hold.started) or NONE) .. ' '
    .. hold.attempts .. ' ' .. (hold.by or '= =') .. ' ' .. NOT_RUN .. (json or '{}')
  local group = { owner = job.owner, model = job.model, status = status, ttl = job.ttl, expires = due(now + job.ttl),
    apart = job.apart, has_keys = job.idem ~= NONE, size = 1 }
  end_jobs(group, { job.id, us(job.created), job.text .. '\n' .. line, job.idem }, 1)
  ended[#ended + 1] = job.id
  if job.reply ~= NONE then
    add(list_of(told, job.reply), #line > LONGEST_TOLD and job.id or job.id .. ' ' .. line)
  end
  tally(job.model, status, 1)
  if status == 'failed' then
    tally(job.model, 't' .. bucket_of(now - job.created), 1)
    tally(job.model, 'w' .. bucket_of((hold.started or now) - job.created), 1)
  end
end

local function failure_of(code, message)
  return cjson.encode({ code = code, message = message })
end

-- Closes a run of a script that may have moved or ended jobs: writes sets, order and history, tells each API process how jobs
-- ended that it accepted (a line each), and wakes whoever else waits for one of them with one message, ids separated by commas.
local function announce()
  write()
  write_order()
  write_history()
  for process, lines in pairs(told) do redis.call('PUBLISH', P .. 'ended:' .. process, table.concat(lines, '\n')) end
  if #ended > 0 then redis.call('PUBLISH', P .. 'ended', table.concat(ended, ',')) end
end
