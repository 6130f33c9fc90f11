-- Picks records, newest first, out of the indexes that hold what is asked for, merged. Looks at a bounded number of entries.
-- Records of another version match nothing: one of them must not keep all others from being listed.
--
-- KEYS 1 key prefix
-- ARGV 1 'job:' or 'batch:', 2 created_ms and 3 id of the last entry seen ('' = start), 4 how many to pick, 5 how many to
--      look at, 6 owner ('*' = anybody's), of jobs: 7 model ('' = any), 8 request id ('' = any), 9.. states
-- Returns {entries looked at, created_ms and id of the last one ('' = the indexes have no further entries), id, id, ...}
local kind, after_ms, after_id = ARGV[1], tonumber(ARGV[2]), ARGV[3]
local wanted, to_look_at, owner, model, request = tonumber(ARGV[4]), tonumber(ARGV[5]), ARGV[6], ARGV[7], ARGV[8]
local states = {}
for i = 9, #ARGV do states[ARGV[i]] = true end

-- Checks the record itself: it may be gone, and jobs of one request id are of any state and model. Redis finds these
-- fields soon, they are the first ones of a record.
local function matches(id)
  local v = redis.call('HMGET', P .. kind .. id, 'schema', 'status', 'model')
  return v[1] == SCHEMA and (kind == 'batch:' or (states[v[2]] and (model == '' or v[3] == model)))
end

local function indexes()
  local keys = {}
  if kind == 'batch:' then
    keys[1] = P .. (owner == '*' and 'batches:all' or 'batches:owner:' .. owner)
  elseif request ~= '' then
    keys[1] = request_key(owner == '*' and '' or owner, request)
    for _, one in ipairs(owner == '*' and redis.call('SMEMBERS', P .. 'owners') or {}) do
      keys[#keys + 1] = request_key(one, request)
    end
  else
    for _, one in ipairs(model == '' and known_models() or { model }) do
      for state in pairs(states) do keys[#keys + 1] = index_key(owner, one, state) end
    end
  end
  return keys
end

-- Entries that are fetched of an index at a time.
local WINDOW = 16

-- Moves to the next entry of an index that lies behind the last one seen. Returns false when there is none.
local function advance(index)
  while true do
    index.at = index.at + 2
    if index.at > #index.flat then
      index.flat = redis.call('ZREVRANGEBYSCORE', index.key, ARGV[2] == '' and '+inf' or ARGV[2], '-inf', 'WITHSCORES',
        'LIMIT', index.fetched, WINDOW)
      index.fetched, index.at = index.fetched + WINDOW, 1
      if #index.flat == 0 then return false end
    end
    index.id, index.created = index.flat[index.at], tonumber(index.flat[index.at + 1])
    if not after_ms or index.created < after_ms or index.id < after_id then return true end
  end
end

local function is_newer(a, b)
  return a.created > b.created or (a.created == b.created and a.id > b.id)
end

-- By their next entry, newest last.
local open = {}
for _, key in ipairs(indexes()) do
  local index = { key = key, fetched = 0, flat = {}, at = -1 }
  if advance(index) then open[#open + 1] = index end
end
table.sort(open, function(a, b) return is_newer(b, a) end)

local result = { 0, '', '' }
while #open > 0 and result[1] < to_look_at and #result - 3 < wanted do
  local index = open[#open]
  result[1], result[2], result[3] = result[1] + 1, ms(index.created), index.id
  if matches(index.id) then result[#result + 1] = index.id end
  if advance(index) then
    local place = #open
    while place > 1 and is_newer(open[place - 1], index) do
      open[place] = open[place - 1]
      place = place - 1
    end
    open[place] = index
  else
    open[#open] = nil
  end
end
if #open == 0 then result[2], result[3] = '', '' end
return result
