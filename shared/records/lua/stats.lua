-- Counts what waits and runs now. Jobs that run are those that were submitted, have not ended and do not wait: no list
-- of them by queue is kept. Chunks are not counted so.
--
-- KEYS 1 key prefix
-- ARGV queues
-- Returns {now in ms, jobs and chunks that run, then for each queue how many wait, when the oldest was created
--         ('' = none waits), and how many of its jobs run (0 of a queue of chunks)}
local result = { ms(now_ms()), redis.call('ZCARD', P .. 'running') }

local function not_ended(model)
  local v = redis.call('HMGET', P .. 'counts', model .. ':submitted', model .. ':succeeded', model .. ':failed',
    model .. ':canceled', model .. ':expired')
  return (v[1] or 0) - (v[2] or 0) - (v[3] or 0) - (v[4] or 0) - (v[5] or 0)
end

for _, queue in ipairs(ARGV) do
  local index = P .. 'queued:' .. queue
  local oldest = redis.call('ZRANGE', index, 0, 0, 'WITHSCORES')
  local waiting = redis.call('ZCARD', index)
  result[#result + 1] = waiting
  result[#result + 1] = oldest[2] or ''
  result[#result + 1] = math.max(0, not_ended(queue) - waiting)
end
return result
