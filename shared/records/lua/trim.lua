-- Drops entries of a time index whose records are gone. Looks at one window, oldest first.
--
-- KEYS 1 key prefix, 2 index
-- ARGV 1 created_ms from which to look ('-inf' = the oldest), 2 how many to look at, 3 least age in ms,
--      4 what the members are: 'job:' or 'batch:'
-- Returns {created_ms from which to look next ('' = the window reached the end), entries dropped}
local newest = ms(now_ms() - ARGV[3])
local flat = redis.call('ZRANGEBYSCORE', KEYS[2], ARGV[1], newest, 'WITHSCORES', 'LIMIT', 0, ARGV[2])
local gone = 0
for i = 1, #flat, 2 do
  if redis.call('EXISTS', P .. ARGV[4] .. flat[i]) == 0 then gone = gone + redis.call('ZREM', KEYS[2], flat[i]) end
end
local full = #flat / 2 == tonumber(ARGV[2])
return { full and flat[#flat] or '', gone }
