-- uses base, jobs, order, calls, history, ends, moves, batches
-- Cancels batches whose upload has shown no sign of life: the process that took it is gone. Records of another version
-- stay where they are.
--
-- KEYS 1 key prefix
-- ARGV 1 silence in ms after which an upload counts as dead, 2 how many at most
-- Returns how many were canceled
local now = now_ms()
local count = 0
for _, id in ipairs(redis.call('ZRANGEBYSCORE', P .. 'accepting', '-inf', ms(now - ARGV[1]), 'LIMIT', 0, ARGV[2])) do
  if redis.call('HGET', batch_key(id), 'status') == 'accepting' then
    drop_upload(id, now)
    count = count + 1
  else
    redis.call('ZREM', P .. 'accepting', id)
  end
end
announce()
return count
