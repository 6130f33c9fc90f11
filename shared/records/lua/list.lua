-- uses base, jobs
-- Picks records, newest first, out of the indexes that hold what is asked for, merged. Looks at a bounded number of entries.
--
-- KEYS 1 key prefix
-- ARGV 1 'job' or 'batch', 2 created_ms and 3 id of the last entry seen ('' = start), 4 how many to pick, 5 how many to
--      look at, 6 owner ('*' = anybody's), of jobs: 7 model ('' = any), 8 request id ('' = any), 9.. states
-- Returns {entries looked at, created_ms and id of the last one ('' = the indexes have no further entries), id, id, ...}
local kind, after_ms, after_id = ARGV[1], ARGV[2], ARGV[3]
local wanted, to_look_at, owner, model, request = tonumber(ARGV[4]), tonumber(ARGV[5]), ARGV[6], ARGV[7], ARGV[8]
local states = {}
for i = 9, #ARGV do states[ARGV[i]] = true end
local is_running = states.running or states.canceling

-- The state of an ended job; one that has not ended is looked at where it stands.
local function state_of(id, text)
  local ended = text:match('\n(%S+)')
  if ended then return ended end
  if not redis.call('ZSCORE', RUNNING, id) then return 'queued' end
  return redis.call('HEXISTS', WISHES, id) == 1 and 'canceling' or 'running'
end

-- Checks the record itself: indexes hold jobs of several states, those of one request id are of any model. An entry whose record
-- is gone is taken out.
local function matches(index)
  if kind == 'batch' then return redis.call('EXISTS', batch_key(index.id)) == 1 end
  local text = redis.call('GET', job_key(index.id))
  if not text then
    if not index.all then take_out(index.key, index.member) end
    return false
  end
  if model ~= '' and parse(index.id, text).model ~= model then return false end
  return states[state_of(index.id, text)]
end

local function known_models()
  local models = {}
  for _, field in ipairs(redis.call('HKEYS', P .. 'counts')) do models[#models + 1] = field:match('^(.+):submitted$') end
  return models
end

local function owners()
  if owner ~= '*' then return { owner } end
  local all = redis.call('SMEMBERS', P .. 'owners')
  all[#all + 1] = NONE
  return all
end

-- Jobs that run, newest first: what workers hold is little, and is not searched for among all that wait.
local MOST_RUNNING = 2000
local function running(mine, name)
  local ids, flat, found = redis.call('ZRANGE', RUNNING, 0, MOST_RUNNING - 1), {}, {}
  for _, id in ipairs(ids) do
    local text = #id == UUID_LENGTH and redis.call('GET', job_key(id))
    local job = text and parse(id, text)
    if job and (mine == '*' or job.owner == mine) and (name == '' or job.model == name) then found[#found + 1] = job end
  end
  table.sort(found, function(a, b) return a.created > b.created or (a.created == b.created and a.id > b.id) end)
  for _, job in ipairs(found) do flat[#flat + 1], flat[#flat + 2] = job.id, job.created end
  return flat
end

-- The sets that hold what is asked for: jobs that have not ended, and those of each end.
local function indexes()
  if kind == 'batch' then
    return { { key = P .. (owner == '*' and 'batches:all' or 'batches:owner:' .. owner) } }
  end
  local found = {}
  for _, one in ipairs(owners()) do
    if request ~= '' then
      found[#found + 1] = { key = P .. 'requests', prefix = one .. ':' .. request .. '\0' }
    else
      for _, name in ipairs(model == '' and known_models() or { model }) do
        local whats = { open = states.queued, succeeded = states.succeeded, failed = states.failed,
          canceled = states.canceled, expired = states.expired }
        for what in pairs(whats) do found[#found + 1] = { key = index_key(what, one, name) } end
      end
    end
  end
  if request == '' and is_running and not states.queued then
    found[#found + 1] = { key = RUNNING, all = running(owner, model) }
  end
  return found
end

-- Entries that are fetched of an index at a time.
local WINDOW = 16

-- The next entries of an index, from the last one seen on: member, creation, member, ...
local function fetch(index)
  if index.all then return index.fetched == 0 and index.all or {} end
  if not index.prefix then
    local unit = kind == 'job' and 1000 or 1
    local newest = after_ms == '' and '+inf' or (unit == 1 and after_ms or us(after_ms))
    local flat = redis.call('ZREVRANGEBYSCORE', index.key, newest, '-inf', 'WITHSCORES', 'LIMIT', index.fetched, WINDOW)
    for i = 2, #flat, 2 do flat[i] = flat[i] / unit end
    return flat
  end
  local newest = index.prefix .. (after_ms == '' and '\255' or after_ms .. '\0\255')
  local flat = {}
  for _, member in ipairs(redis.call('ZREVRANGEBYLEX', index.key, '[' .. newest, '[' .. index.prefix, 'LIMIT',
    index.fetched, WINDOW)) do
    flat[#flat + 1], flat[#flat + 2] = member, member:sub(#index.prefix + 1):match('^[^%z]*')
  end
  return flat
end

-- Moves to the next entry of an index that lies behind the last one seen. Returns false when there is none.
local function advance(index)
  while true do
    index.at = index.at + 2
    if index.at > #index.flat then
      index.flat = fetch(index)
      index.fetched, index.at = index.fetched + WINDOW, 1
      if #index.flat == 0 then return false end
    end
    index.member, index.created = index.flat[index.at], tonumber(index.flat[index.at + 1])
    index.id = index.prefix and index.member:match('[^%z]*$') or index.member
    if after_ms == '' or index.created < tonumber(after_ms) or index.id < after_id then return true end
  end
end

local function is_newer(a, b)
  return a.created > b.created or (a.created == b.created and a.id > b.id)
end

-- By their next entry, newest last.
local open = {}
for _, index in ipairs(indexes()) do
  index.fetched, index.flat, index.at = 0, {}, -1
  if advance(index) then open[#open + 1] = index end
end
table.sort(open, function(a, b) return is_newer(b, a) end)

local result = { 0, '', '' }
while #open > 0 and result[1] < to_look_at and #result - 3 < wanted do
  local index = open[#open]
  result[1], result[2], result[3] = result[1] + 1, ms(index.created), index.id
  if matches(index) then result[#result + 1] = index.id end
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
write()
return result
