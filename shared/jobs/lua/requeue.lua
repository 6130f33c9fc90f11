-- Gives running jobs back to the queue. 'retry' keeps the attempt counted and fails a job that has used up its
-- attempts; 'release' takes the attempt back, for a job that is not to blame.
--
-- KEYS 1 key prefix
-- ARGV 1 'retry' or 'release', then five a job: id, token, claim id, error code, error message (of a job that fails here)
-- Returns for each job {'queued', delivery} (to be put into Bee-Queue), {'failed'}, {'canceled'} or {'stale'}
local now = now_ms()
local result = {}

local function requeue(id, token, claim, code, message)
  local job = load(id)
  if not holds(job, token, claim) then return { 'stale' } end
  if job.status == 'canceling' then
    finish(id, job, 'canceled', now)
    return { 'canceled' }
  end
  if ARGV[1] == 'release' then return { 'queued', queue_again(id, job, job.attempts - 1, now) } end
  if job.attempts >= job.max_attempts then
    finish(id, job, 'failed', now, 'error_code', code, 'error_message', message)
    return { 'failed' }
  end
  return { 'queued', queue_again(id, job, job.attempts, now) }
end

for i = 2, #ARGV, 5 do
  result[#result + 1] = requeue(unpack(ARGV, i, i + 4))
end
announce()
return result
