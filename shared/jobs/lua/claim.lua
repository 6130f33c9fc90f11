-- Takes a micro-batch of jobs for one worker. Each taken job gets a lease, a higher fencing token and one more
-- attempt; every other one is refused, and ended here where its time or its attempts are over.
--
-- KEYS 1 key prefix
-- ARGV 1 lease in ms, 2.. job ids
-- Returns for each id {'run', token, attempts, max_attempts, timeout_ms, input, request_id, traceparent, created_ms}
--         or {'gone'}, {'unreadable'}, {'busy'} (another worker holds it), {'ended'} (also when ended just now)
local now = now_ms()
local lease_until = ms(now + ARGV[1])
local result = {}

local function claim(id)
  local job = load(id)
  if not job then return { 'gone' } end
  if job.unreadable then return { 'unreadable' } end
  if is_ended(job.status) then return { 'ended' } end
  if job.status ~= 'queued' then
    local lease = redis.call('ZSCORE', P .. 'running', id)
    if lease and tonumber(lease) > now then return { 'busy' } end
    if job.status == 'canceling' then
      finish(id, job, 'canceled', now)
      return { 'ended' }
    end
  elseif job.queue_deadline_ms and job.attempts == 0 and now > job.queue_deadline_ms then
    finish(id, job, 'expired', now)
    return { 'ended' }
  end
  if job.attempts >= job.max_attempts then
    finish(id, job, 'failed', now, 'error_code', 'worker_lost',
      'error_message', 'the worker was lost in each of ' .. job.attempts .. ' attempts')
    return { 'ended' }
  end
  local token, attempts = job.token + 1, job.attempts + 1
  redis.call('HSET', job_key(id), 'status', 'running', 'token', token, 'attempts', attempts, 'started_ms', ms(now))
  redis.call('ZADD', P .. 'running', lease_until, id)
  if job.status == 'queued' then
    redis.call('ZREM', P .. 'queued:' .. job.queue, id)
    if job.queue_deadline_ms then redis.call('ZREM', P .. 'deadlines', id) end
  end
  if job.kind == 'chunk' then redis.call('HSETNX', batch_key(id:match('^(.+):')), 'started_ms', ms(now)) end
  local more = redis.call('HMGET', job_key(id), 'timeout_ms', 'input', 'traceparent')
  return { 'run', token, attempts, job.max_attempts, more[1], more[2], job.request_id or '', more[3] or '',
    ms(job.created_ms) }
end

for i = 2, #ARGV do
  result[i - 1] = claim(ARGV[i])
end
announce()
return result
