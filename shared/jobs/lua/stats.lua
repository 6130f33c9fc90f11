-- Counts what waits and runs now.
--
-- KEYS 1 key prefix
-- ARGV queues
-- Returns {now in ms, jobs and chunks that run, then for each queue how many wait and when the oldest was created
--         ('' = none waits)}
local result = { ms(now_ms()), redis.call('ZCARD', P .. 'running') }
for _, queue in ipairs(ARGV) do
  local index = P .. 'queued:' .. queue
  local oldest = redis.call('ZRANGE', index, 0, 0, 'WITHSCORES')
  result[#result + 1] = redis.call('ZCARD', index)
  result[#result + 1] = oldest[2] or ''
end
return result
