-- uses base, jobs, order, calls, history, ends, moves
-- Deals with running jobs whose lease is over: their worker is lost. A loss counts where the claim took no other job: of several
-- nobody can say which it was that took the worker down, and they are claimed one by one from then on.
--
-- KEYS 1 key prefix
-- ARGV 1 how many to look at
-- Returns three a job: id, queue, 'queued', 'canceled' or 'worker_lost'
local now = now_ms()
local ids = redis.call('ZRANGEBYSCORE', RUNNING, '-inf', due(now_ms()), 'LIMIT', 0, ARGV[1])
local result, called = {}, {}

local function reap(id)
  local job, hold = load(id), read_hold(redis.call('HGET', HOLDS, id))
  redis.call('ZREM', RUNNING, id)
  if not job then
    clear(HOLDS, id)
    clear(WISHES, id)
    return nil
  end
  if redis.call('HEXISTS', WISHES, id) == 1 then
    finish(job, hold, 'canceled', now)
    return job, 'canceled'
  end
  local attempts = is_marked(hold, 'l') and hold.attempts or hold.attempts - 1
  if attempts >= job.max_attempts then
    finish(job, hold, 'failed', now,
      failure_of('worker_lost', 'the worker was lost in each of ' .. attempts .. ' attempts'))
    return job, 'worker_lost'
  end
  wait_again(job, hold, attempts, 'a')
  called[job.queue] = true
  return job, 'queued'
end

for _, id in ipairs(ids) do
  local job, outcome = reap(id)
  if job then
    local at = #result
    result[at + 1], result[at + 2], result[at + 3] = id, job.queue, outcome
  end
end
announce()
for queue in pairs(called) do call_worker(queue) end
return result
