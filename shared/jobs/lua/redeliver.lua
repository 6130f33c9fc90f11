-- Replaces deliveries that a worker took from Bee-Queue and hands back unclaimed.
--
-- KEYS 1 key prefix
-- ARGV id, delivery, id, delivery, ...
-- Returns for each pair the new delivery, or 0 when the job no longer waits under that one
local result = {}
for i = 1, #ARGV, 2 do
  local job = load(ARGV[i])
  if job and job.status == 'queued' and job.delivery == tonumber(ARGV[i + 1]) then
    result[#result + 1] = queue_again(ARGV[i], job, job.attempts)
  else
    result[#result + 1] = 0
  end
end
return result
