-- Gives running jobs back to the queue. 'retry' keeps the attempt counted and fails a job that has used up its
-- attempts; 'release' takes the attempt back, for a job that is not to blame; so does 'apart', for one of several of which
-- nobody can say which is to blame. All but released ones are claimed by themselves from then on.
--
-- KEYS 1 key prefix
-- ARGV 1 'retry', 'release' or 'apart', then five a job: id, token, claim id, error code, error message
--      (of a job that fails here)
-- Returns for each job {'queued', delivery} (of a retry it is to be put into Bee-Queue after a pause; every other stands
--         there already, before all that wait), {'failed'}, {'canceled'} or {'stale'}
local now = now_ms()
local result, deliveries, entries, queue = {}, {}, {}, nil
local is_retry = ARGV[1] == 'retry'
-- What Bee-Queue keeps of a delivery, as its own save would write it.
local BEE_ENTRY = '{"data":{},"options":{"timestamp":' .. math.floor(now)
  .. ',"stacktraces":[]},"status":"created","progress":0}'

local function requeue(id, token, claim, code, message)
  local job = load(id)
  if not holds(job, token, claim) then return { 'stale' } end
  if job.status == 'canceling' then
    finish(id, job, 'canceled', now)
    return { 'canceled' }
  end
  if is_retry and job.attempts >= job.max_attempts then
    finish(id, job, 'failed', now, 'error_code', code, 'error_message', message)
    return { 'failed' }
  end
  if ARGV[1] ~= 'release' then mark_alone(id, job) end
  local delivery = queue_again(id, job, is_retry and job.attempts or job.attempts - 1, now)
  if not is_retry then
    local name = id .. '.' .. delivery
    -- The first job's name comes last: Bee-Queue hands out from that end.
    table.insert(deliveries, 1, name)
    entries[#entries + 1], entries[#entries + 2] = name, BEE_ENTRY
    queue = job.queue
  end
  return { 'queued', delivery }
end

for i = 2, #ARGV, 5 do
  result[#result + 1] = requeue(unpack(ARGV, i, i + 4))
end
if queue then
  -- Bee-Queue's keys lie beside ours.
  local bee = P:sub(1, -#'waggle:' - 1) .. 'bq:' .. queue .. ':'
  call_with(entries, 'HSET', bee .. 'jobs')
  call_with(deliveries, 'RPUSH', bee .. 'waiting')
end
announce()
return result
