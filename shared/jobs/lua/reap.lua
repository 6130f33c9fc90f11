-- Deals with running jobs whose lease is over: their worker is lost.
--
-- KEYS 1 key prefix
-- ARGV 1 how many at most
-- Returns {queue, id, delivery, queue, id, delivery, ...} to be put into Bee-Queue
local now = now_ms()
local result = {}
for _, id in ipairs(redis.call('ZRANGEBYSCORE', P .. 'running', '-inf', ms(now), 'LIMIT', 0, ARGV[1])) do
  local job = load(id)
  if not job or job.unreadable or (job.status ~= 'running' and job.status ~= 'canceling') then
    redis.call('ZREM', P .. 'running', id)
  elseif job.status == 'canceling' then
    finish(id, job, 'canceled', now)
  elseif job.attempts >= job.max_attempts then
    finish(id, job, 'failed', now, 'error_code', 'worker_lost',
      'error_message', 'the worker was lost in each of ' .. job.attempts .. ' attempts')
  else
    local delivery = queue_again(id, job, job.attempts)
    result[#result + 1] = job.queue
    result[#result + 1] = id
    result[#result + 1] = delivery
  end
end
announce()
return result
