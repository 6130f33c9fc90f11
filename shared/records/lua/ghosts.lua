-- Takes ids out of a Bee-Queue list that have no entry in its hash: workers would fetch them for ever. Out of the waiting
-- list it also takes deliveries under which no job waits any more, because it was canceled, expired or put back: while
-- there is no worker nobody else would.
--
-- KEYS 1 key prefix, 2 list, 3 Bee-Queue's hash of jobs, 4 its stalling set
-- ARGV 1 offset of the window from the old end of the list, 2 its length, 3 which list: 'waiting' or 'active'
-- Returns {ids looked at, ids taken out}
local first, length = tonumber(ARGV[1]), tonumber(ARGV[2])

local function is_ghost(name)
  if redis.call('HEXISTS', KEYS[3], name) == 0 then return true end
  local id, delivery = name:match('^(.+)%.(%d+)$')
  if not id or ARGV[3] ~= 'waiting' then return false end
  local v = redis.call('HMGET', job_key(id), 'schema', 'status', 'delivery')
  return not v[1] or (v[1] == SCHEMA and (is_ended(v[2]) or v[3] ~= delivery))
end

local ids = redis.call('LRANGE', KEYS[2], -first - length, -first - 1)
local ghosts = 0
for i, id in ipairs(ids) do
  if is_ghost(id) then
    -- Marked in its place, and all marks taken out at once: to search the list for each would hold Redis for long.
    redis.call('LSET', KEYS[2], -first - #ids + i - 1, '')
    redis.call('HDEL', KEYS[3], id)
    redis.call('SREM', KEYS[4], id)
    ghosts = ghosts + 1
  end
end
if ghosts > 0 then redis.call('LREM', KEYS[2], -ghosts, '') end
return { #ids, ghosts }
