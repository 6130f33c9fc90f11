-- uses base, jobs, order, calls, history, ends, moves
-- Gives running jobs back to the queue. 'retry' keeps the attempt counted, and fails a job that has used up its
-- attempts; 'release' takes the attempt back, for a job that is not to blame; so does 'alone', for one of several of which
-- nobody can say which is to blame. All but released ones are claimed by themselves from then on. 'fail' fails a chunk.
--
-- KEYS 1 key prefix
-- ARGV 1 'retry', 'release', 'alone' or 'fail', then five a job: id, '<token> <claim>', ms to wait, error code and error message (of a
--      job that fails here)
-- Returns for each job 'queued', 'failed', 'canceled' or 'stale'
local now = now_ms()
local is_retry, is_release, is_failure = ARGV[1] == 'retry', ARGV[1] == 'release', ARGV[1] == 'fail'
local result, called = {}, {}

local function give_back(id, by, delay_ms, code, message)
  local hold = read_hold(redis.call('HGET', HOLDS, id))
  if hold.by ~= by then return 'stale' end
  local job = load(id)
  redis.call('ZREM', RUNNING, id)
  if not job then
    clear(HOLDS, id)
    clear(WISHES, id)
    return 'stale'
  end
  if redis.call('HEXISTS', WISHES, id) == 1 then
    finish(job, hold, 'canceled', now)
    return 'canceled'
  end
  if is_failure or is_retry and hold.attempts >= job.max_attempts then
    finish(job, hold, 'failed', now, failure_of(code, message))
    return 'failed'
  end
  local marks = (not is_release or is_marked(hold, 'a')) and 'a' or ''
  wait_again(job, hold, is_retry and hold.attempts or hold.attempts - 1, marks, tonumber(delay_ms))
  called[job.queue] = true
  return 'queued'
end

for i = 2, #ARGV, 5 do
  result[#result + 1] = give_back(unpack(ARGV, i, i + 4))
end
announce()
for queue in pairs(called) do call_worker(queue) end
return result
