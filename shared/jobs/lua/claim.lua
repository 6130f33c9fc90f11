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
-- KEYS 1 key prefix, and where deliveries are taken along: 2 Bee-Queue's list of those that wait, 3 its list of those that
--      workers took
-- ARGV 1 lease in ms, 2 how many may be taken along, 3 claim id of those, 4 'again' when this call is
--      repeated: nothing more is taken along then, 5 longest in ms that a job may have waited, 6.. three a job: id,
--      delivery, claim id (of this worker and this delivery to it alone)
-- Returns {for each job a claim, and then for each delivery that was taken along: its transport id, a claim, ...}
--         A claim is {'run', token, attempts, max_attempts, timeout_ms, input, request_id, traceparent, ms from the job's
--         creation to the start of this attempt}, or {'gone'}, {'unreadable'}, {'busy'} (another worker holds it, or it
--         waits under a newer delivery), {'ended'} (also when ended just now)
local now = now_ms()
local lease_until = ms(now + ARGV[1])
local result = {}

local started, is_held = {}, {}

-- What a transport id stands for; nil for one that is not ours.
local function job_and_delivery(entry)
  local id, delivery = entry:match('^(.+)%.(%d+)$')
  return id, tonumber(delivery)
end

local function hold(id, job, token, attempts, start)
  put(P .. 'running', lease_until, id)
  is_held[id] = true
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
  elseif is_late(job, now, tonumber(ARGV[5])) then
    expire(id, job, now)
    return { 'ended' }
  end
  if job.attempts >= job.max_attempts then
    finish(id, job, 'failed', now, 'error_code', 'worker_lost',
      'error_message', 'the worker was lost in each of ' .. job.attempts .. ' attempts')
    return { 'ended' }
  end
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

-- What a call whose answer got lost took along, by the leases: nobody renews them, so they are among those that end
-- first, wherever a stall check put the entries meanwhile. If that call has yet to
-- arrive, it takes nothing along any more: nobody would know of it.
local function taken_before(name)
  local mine = {}
  redis.call('SET', P .. 'repeated:' .. name, 1, 'PX', LATE_MS)
  for _, id in ipairs(redis.call('ZRANGE', P .. 'running', 0, 4095)) do
    local v = redis.call('HMGET', job_key(id), 'claim', 'delivery')
    if v[1] == name then mine[#mine + 1] = id .. '.' .. v[2] end
  end
  return mine
end

-- Moves the oldest that wait, as BRPOPLPUSH would move each; oldest first.
local function take(name, most)
  if redis.call('EXISTS', P .. 'repeated:' .. name) == 1 then return {} end
  local waiting, oldest = redis.call('LRANGE', KEYS[2], -most, -1), {}
  for i = #waiting, 1, -1 do oldest[#oldest + 1] = waiting[i] end
  redis.call('LTRIM', KEYS[2], 0, -most - 1)
  call_with(oldest, 'LPUSH', KEYS[3])
  return oldest
end

local name = ARGV[3]
for i = 6, #ARGV, 3 do
  result[#result + 1] = claim(ARGV[i], tonumber(ARGV[i + 1]), ARGV[i + 2])
end
local most = tonumber(ARGV[2])
if most > 0 then
  for _, entry in ipairs(ARGV[4] == 'again' and taken_before(name) or take(name, most)) do
    local id, delivery = job_and_delivery(entry)
    result[#result + 1] = entry
    result[#result + 1] = id and claim(id, delivery, name) or { 'gone' }
  end
end
if #started > 0 then redis.call('PUBLISH', P .. 'started', table.concat(started, ',')) end
announce()
return result
