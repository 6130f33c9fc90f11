-- Takes ids out of a Bee-Queue list that have no entry in its hash: workers would fetch them for ever.
--
-- KEYS 1 key prefix, 2 list (waiting or active), 3 Bee-Queue's hash of jobs, 4 its stalling set
-- ARGV 1 offset of the window from the old end of the list, 2 its length
-- Returns {ids looked at, ids taken out}
local first, length = tonumber(ARGV[1]), tonumber(ARGV[2])
local ids = redis.call('LRANGE', KEYS[2], -first - length, -first - 1)
local removed = 0
for _, id in ipairs(ids) do
  if redis.call('HEXISTS', KEYS[3], id) == 0 then
    removed = removed + redis.call('LREM', KEYS[2], 0, id)
    redis.call('SREM', KEYS[4], id)
  end
end
return { #ids, removed }
