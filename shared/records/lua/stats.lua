-- uses base, jobs, order
-- Counts what waits and runs now. Jobs that run are those that were submitted, have not ended and do not wait: no list
-- of them by queue is kept. Chunks that run are few, and are counted one by one.
--
-- KEYS 1 key prefix
-- ARGV queues
-- Returns {now in ms, jobs and chunks that run, then for each queue how many wait, when the one that has waited longest of those
--         next in line was created ('' = none waits), how many run, and how many of those that wait are not due yet}
local result = { ms(now_ms()), redis.call('ZCARD', RUNNING) }

local function not_ended(model)
  local v = redis.call('HMGET', P .. 'counts', model .. ':submitted', model .. ':succeeded', model .. ':failed',
    model .. ':canceled', model .. ':expired')
  return (v[1] or 0) - (v[2] or 0) - (v[3] or 0) - (v[4] or 0) - (v[5] or 0)
end

local MOST_RUNNING = 2000
local chunks_running = {}
for _, id in ipairs(redis.call('ZRANGE', RUNNING, 0, MOST_RUNNING - 1)) do
  local job = #id > UUID_LENGTH and load(id)
  if job then chunks_running[job.queue] = (chunks_running[job.queue] or 0) + 1 end
end

for _, queue in ipairs(ARGV) do
  local oldest = nil
  for _, lane in ipairs(LANES) do
    local first = redis.call('ZRANGE', lane_key(queue, lane), 0, 0)[1]
    local job = first and load(first)
    if job and (not oldest or job.created < oldest) then oldest = job.created end
  end
  local waiting = depth_of(queue) - redis.call('ZCARD', P .. 'held:' .. queue)
  result[#result + 1] = waiting
  result[#result + 1] = oldest or ''
  result[#result + 1] = chunks_running[queue] or math.max(0, not_ended(queue) - waiting)
  result[#result + 1] = redis.call('ZCOUNT', P .. 'delayed:' .. queue, '(' .. ms(now_ms()), '+inf')
end
return result
