-- Cancels batches whose upload has shown no sign of life: the process that took it is gone. Records of another version
-- stay where they are.
--
-- KEYS 1 key prefix
-- ARGV 1 silence in ms after which an upload counts as dead, 2 how many at most
-- Returns how many were canceled
local now = now_ms()
local count = 0
for _, id in ipairs(redis.call('ZRANGEBYSCORE', P .. 'accepting', '-inf', ms(now - ARGV[1]), 'LIMIT', 0, ARGV[2])) do
  local v = redis.call('HMGET', batch_key(id), 'status', 'schema')
  if v[1] == 'accepting' and v[2] == SCHEMA then
    drop_upload(id, now)
    count = count + 1
  elseif not v[2] or v[2] == SCHEMA then
    redis.call('ZREM', P .. 'accepting', id)
  end
end
announce()
return count
