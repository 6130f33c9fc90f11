-- Takes ids out of a Bee-Queue list that have no entry in its hash: workers would fetch them for ever.
--
-- KEYS 1 key prefix, 2 list (waiting or active), 3 Bee-Queue's hash of jobs, 4 its stalling set
-- ARGV 1 offset of the window from the old end of the list, 2 its length
-- Returns {ids looked at, ids taken out}
local first, length = tonumber(ARGV[1]), tonumber(ARGV[2])
local ids = redis.call('LRANGE', KEYS[2], -first - length, -first - 1)
local ghosts = 0
for i, id in ipairs(ids) do
  if redis.call('HEXISTS', KEYS[3], id) == 0 then
    -- Marked in its place, and all marks taken out at once: to search the list for each would hold Redis for long.
    redis.call('LSET', KEYS[2], -first - #ids + i - 1, '')
    redis.call('SREM', KEYS[4], id)
    ghosts = ghosts + 1
  end
end
if ghosts > 0 then redis.call('LREM', KEYS[2], -ghosts, '') end
return { #ids, ghosts }
