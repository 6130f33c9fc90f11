-- Replaces deliveries that a worker took from Bee-Queue and hands back without running them. A job that the worker
-- claimed without getting to know it goes back to the queue, too, and its attempt does not count.
--
-- KEYS 1 key prefix
-- ARGV three a delivery: job id, delivery, claim id under which the worker may have claimed it ('' = never)
-- Returns for each the new delivery, or 0 when the job no longer waits under that one
local now = now_ms()
local result = {}

local function redeliver(id, delivery, claim)
  local job = load(id)
  if not job or job.unreadable or job.delivery ~= delivery then return 0 end
  if job.status == 'queued' then return queue_again(id, job, job.attempts, now) end
  if claim == '' or job.claim ~= claim then return 0 end
  if job.status == 'running' then return queue_again(id, job, job.attempts - 1, now) end
  if job.status == 'canceling' then finish(id, job, 'canceled', now) end
  return 0
end

for i = 1, #ARGV, 3 do
  result[#result + 1] = redeliver(ARGV[i], tonumber(ARGV[i + 1]), ARGV[i + 2])
end
announce()
return result
