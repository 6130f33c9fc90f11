-- Ends queued jobs that are past their queue deadline. Records of another version stay where they are.
--
-- KEYS 1 key prefix
-- ARGV 1 how many to look at, 2 how many of the oldest to pass over
-- Returns {how many to pass over next time (0 = the end was reached), {id of each that ended}}
local now = now_ms()
local passed_over = tonumber(ARGV[2])
local ids = redis.call('ZRANGEBYSCORE', P .. 'deadlines', '-inf', ms(now), 'LIMIT', ARGV[2], ARGV[1])
for _, id in ipairs(ids) do
  local job = load(id)
  if job and job.unreadable then
    passed_over = passed_over + 1
  elseif job and job.status == 'queued' and job.attempts == 0 then
    finish(id, job, 'expired', now)
  else
    redis.call('ZREM', P .. 'deadlines', id)
  end
end
announce()
return { #ids == tonumber(ARGV[1]) and passed_over or 0, ended }
