-- Takes a micro-batch of jobs for one worker. Each taken job gets a lease, a higher fencing token and one more
-- attempt; every other one is refused, and ended here where its time or its attempts are over.
--
-- A claim whose answer got lost may be repeated under its claim id: it takes the job once and gives the same answer
-- again. Only the delivery that the record waits under is taken, so that a claim which Redis gets to see after the job
-- went back to the queue takes nothing: nobody would run it.
--
-- Beside what Bee-Queue has delivered to the worker, the oldest deliveries that still wait are taken along, as Bee-Queue
-- would take them: one script for a micro-batch instead of two round trips and a transaction for each of its jobs.
--
-- A job that is marked `alone` is claimed by itself: a call that finds it first takes nothing else, and one that meets it
-- later leaves it. A loss is counted where the call took one job only; see attempts_lost().
--
-- KEYS 1 key prefix, and where deliveries are taken along: 2 Bee-Queue's list of those that wait, 3 its list of those that
--      workers took
-- ARGV 1 lease in ms, 2 how many may be taken along, 3 claim id of those: '<lane of a worker>:<number, base 36>', the
--      numbers of a lane ever growing, 4 'again' when this call is repeated: nothing more is taken along then, 5 longest
--      in ms that a job may have waited, 6 'ahead' while the worker runs something else: nothing is taken then that is to
--      be claimed by itself, 7.. three a job: id, delivery, claim id (of this worker and this delivery to it alone)
-- Returns {for each job a claim, and then for each delivery that was taken along: its transport id, a claim, ..., and
--         last, where deliveries may be taken along, how many still wait}
--         A claim is {'run', token, attempts, max_attempts, timeout_ms, input, request_id, traceparent, ms from the job's
--         creation to the start of this attempt}, or {'gone'}, {'unreadable'}, {'busy'} (another worker holds it, or it
--         waits under a newer delivery), {'ended'} (also when ended just now), {'later'} (the next call may claim it)
local now = now_ms()
local lease_until = ms(now + ARGV[1])
local is_ahead = ARGV[6] == 'ahead'
local result = {}

local started, is_held, held = {}, {}, 0
-- Whether the job that is held is to be the only one.
local is_alone = false

-- What a transport id stands for; nil for one that is not ours.
local function job_and_delivery(entry)
  local id, delivery = entry:match('^(.+)%.(%d+)$')
  return id, tonumber(delivery)
end

local function hold(id, job, token, attempts, start)
  put(P .. 'running', lease_until, id)
  is_held[id], held = true, held + 1
  is_alone = is_alone or job.alone
  if job.kind == 'chunk' then
    local of_batch = redis.call('HMGET', batch_key(id:match('^(.+):')), 'traceparent', 'request_id')
    job.traceparent, job.request_id = of_batch[1], of_batch[2]
  end
  return { 'run', token, attempts, job.max_attempts, job.timeout_ms, job.input, job.request_id or '',
    job.traceparent or '', ms(start - job.created_ms) }
end

local function claim(id, delivery, name)
  if is_held[id] then return { 'busy' } end
  local job = load(id)
  if not job then return { 'gone' } end
  if job.unreadable then return { 'unreadable' } end
  if is_ended(job.status) then return { 'ended' } end
  if job.delivery ~= delivery then return { 'busy' } end
  if job.status ~= 'queued' then
    local is_repeated = job.claim == name
    if is_repeated and job.status == 'running' then return hold(id, job, job.token, job.attempts, job.started_ms) end
    local lease = redis.call('ZSCORE', P .. 'running', id)
    if not is_repeated and lease and tonumber(lease) > now then return { 'busy' } end
    if job.status == 'canceling' then
      -- Who repeats a claim does not run the job.
      finish(id, job, 'canceled', now)
      return { 'ended' }
    end
    job.attempts = attempts_lost(job)
    mark_alone(id, job)
  elseif is_late(job, now, tonumber(ARGV[5])) then
    expire(id, job, now)
    return { 'ended' }
  end
  if job.attempts >= job.max_attempts then
    finish(id, job, 'failed', now, 'error_code', 'worker_lost',
      'error_message', 'the worker was lost in each of ' .. job.attempts .. ' attempts')
    return { 'ended' }
  end
  if is_alone or (job.alone and (is_ahead or held > 0)) then return { 'later' } end
  local token, attempts = job.token + 1, job.attempts + 1
  redis.call('HSET', job_key(id), 'status', 'running', 'token', token, 'attempts', attempts, 'started_ms', ms(now),
    'claim', name)
  if job.status == 'queued' and job.queue_deadline_ms then redis.call('ZREM', P .. 'deadlines', id) end
  move(id, job, 'running')
  started[#started + 1] = id
  if job.kind == 'chunk' then redis.call('HSETNX', batch_key(id:match('^(.+):')), 'started_ms', ms(now)) end
  return hold(id, job, token, attempts, now)
end

-- How long a call that got lost may take to arrive after it was repeated.
local LATE_MS = 60000

-- Of the deliveries that wait, oldest first, those that one call may take: up to one that is claimed by itself, or that one.
local function up_to_alone(oldest)
  if #oldest == 0 or redis.call('EXISTS', P .. 'alone') == 0 then return oldest end
  local ids = {}
  for i, entry in ipairs(oldest) do ids[i] = job_and_delivery(entry) or '' end
  for i, is_marked in ipairs(redis.call('SMISMEMBER', P .. 'alone', unpack(ids))) do
    if is_marked == 1 then
      local last = i == 1 and held == 0 and not is_ahead and 1 or i - 1
      return { unpack(oldest, 1, last) }
    end
  end
  return oldest
end

-- Takes along the oldest that wait, as BRPOPLPUSH would move each. The deliveries of the lane's last call stand below its name,
-- until its next: a repeated one finds it there, wherever a stall check put the entries meanwhile, and one that arrives
-- after it was repeated takes nothing: nobody would know of it.
local function take(name, most)
  local lane, digits = name:match('^(.*):(%w+)$')
  local key, number = P .. 'taken:' .. lane, tonumber(digits, 36)
  local before = redis.call('GET', key)
  local last = before and tonumber(before:match('^%d+'))
  local oldest = {}
  if last == number and ARGV[4] == 'again' then
    for entry in before:gmatch('\n([^\n]+)') do oldest[#oldest + 1] = entry end
    return oldest
  end
  if last and last >= number then return oldest end
  if ARGV[4] ~= 'again' then
    if is_alone then return oldest end
    local waiting = redis.call('LRANGE', KEYS[2], -most, -1)
    for i = #waiting, 1, -1 do oldest[#oldest + 1] = waiting[i] end
    oldest = up_to_alone(oldest)
    if #oldest == 0 then return oldest end
    redis.call('LTRIM', KEYS[2], 0, -#oldest - 1)
    call_with(oldest, 'LPUSH', KEYS[3])
  end
  redis.call('SET', key, number .. '\n' .. table.concat(oldest, '\n'), 'PX', LATE_MS)
  return oldest
end

local name = ARGV[3]
for i = 7, #ARGV, 3 do
  result[#result + 1] = claim(ARGV[i], tonumber(ARGV[i + 1]), ARGV[i + 2])
end
local most = tonumber(ARGV[2])
if most > 0 then
  for _, entry in ipairs(take(name, most)) do
    local id, delivery = job_and_delivery(entry)
    result[#result + 1] = entry
    result[#result + 1] = id and claim(id, delivery, name) or { 'gone' }
  end
end
if KEYS[2] then result[#result + 1] = redis.call('LLEN', KEYS[2]) end
if #started > 0 then redis.call('PUBLISH', P .. 'started', table.concat(started, ',')) end
if held == 1 and #started == 1 and not is_ahead then
  redis.call('HSET', job_key(started[1]), 'lone', redis.call('HGET', job_key(started[1]), 'token'))
end
announce()
return result
