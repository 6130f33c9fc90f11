-- Deals with running jobs whose lease is over: their worker is lost. Records of another version stay where they are.
--
-- KEYS 1 key prefix
-- ARGV 1 how many to look at, 2 how many of the oldest to pass over
-- Returns {how many to pass over next time (0 = the end was reached), {queue, id, delivery, ...} to be put into
--         Bee-Queue, {id, 'canceled' or 'worker_lost', ...} of those that ended}
local now = now_ms()
local passed_over = tonumber(ARGV[2])
local ids = redis.call('ZRANGEBYSCORE', P .. 'running', '-inf', ms(now), 'LIMIT', ARGV[2], ARGV[1])
local result = { 0, {}, {} }

local function add(list, ...)
  for _, value in ipairs({ ... }) do list[#list + 1] = value end
end

for _, id in ipairs(ids) do
  local job = load(id)
  if job and job.unreadable then
    passed_over = passed_over + 1
  elseif not job or (job.status ~= 'running' and job.status ~= 'canceling') then
    redis.call('ZREM', P .. 'running', id)
  elseif job.status == 'canceling' then
    finish(id, job, 'canceled', now)
    add(result[3], id, 'canceled')
  elseif attempts_lost(job) >= job.max_attempts then
    finish(id, job, 'failed', now, 'error_code', 'worker_lost',
      'error_message', 'the worker was lost in each of ' .. job.attempts .. ' attempts')
    add(result[3], id, 'worker_lost')
  else
    mark_alone(id, job)
    add(result[2], job.queue, id, queue_again(id, job, attempts_lost(job), now))
  end
end
if #ids == tonumber(ARGV[1]) then result[1] = passed_over end
announce()
return result
