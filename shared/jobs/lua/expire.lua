-- Ends queued jobs that are past their queue deadline.
--
-- KEYS 1 key prefix
-- ARGV 1 how many at most
-- Returns how many ended
local now = now_ms()
for _, id in ipairs(redis.call('ZRANGEBYSCORE', P .. 'deadlines', '-inf', ms(now), 'LIMIT', 0, ARGV[1])) do
  local job = load(id)
  if job and job.status == 'queued' and job.attempts == 0 then
    finish(id, job, 'expired', now)
  else
    redis.call('ZREM', P .. 'deadlines', id)
  end
end
announce()
return #ended
