-- uses base
-- Takes, keeps or gives up the sweeper's lease, so that one process sweeps at a time.
--
-- KEYS 1 key prefix
-- ARGV 1 who asks, 2 lease in ms (0 = give up)
-- Returns 1 when the caller leads now, else 0
local key = P .. 'sweeper'
local holder = redis.call('GET', key)
if holder and holder ~= ARGV[1] then return 0 end
if ARGV[2] == '0' then
  redis.call('DEL', key)
  return 0
end
redis.call('SET', key, ARGV[1], 'PX', ARGV[2])
return 1
