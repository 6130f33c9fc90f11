-- Walks one index, newest first, and picks the jobs that match. Looks at a bounded number of entries. Records of another
-- version match nothing: one of them must not keep all others from being listed.
--
-- KEYS 1 key prefix, 2 index: members are job ids, scores their created_ms (of the `running` index: lease ends)
-- ARGV 1 created_ms and 2 id of the last entry seen ('' = start), 3 how many to pick, 4 how many to look at,
--      5 owner ('*' = anybody's), 6 model ('' = any), 7 request id ('' = any), 8.. states (none = any)
-- Returns {'more' or 'end', created_ms and id of the last entry looked at, id, id, ...}
local after_ms, after_id = tonumber(ARGV[1]), ARGV[2]
local wanted, to_scan = tonumber(ARGV[3]), tonumber(ARGV[4])
local states = {}
for i = 8, #ARGV do states[ARGV[i]] = true end

local function matches(v)
  return v[6] == SCHEMA and v[5] == 'single' and (ARGV[5] == '*' or v[2] == ARGV[5]) and (ARGV[6] == '' or v[3] == ARGV[6])
    and (ARGV[7] == '' or v[4] == ARGV[7]) and (#ARGV < 8 or states[v[1]])
end

-- {id, created_ms} newest first. Scores of the running index are no creation times, so it is sorted here: it holds
-- only what the workers have in hand.
local function entries()
  local list = {}
  if KEYS[2] == P .. 'running' then
    for _, id in ipairs(redis.call('ZRANGE', KEYS[2], 0, -1)) do
      list[#list + 1] = { id, tonumber(redis.call('HGET', job_key(id), 'created_ms') or 0) }
    end
    table.sort(list, function(a, b) return a[2] > b[2] or (a[2] == b[2] and a[1] > b[1]) end)
    return list, false
  end
  local from = after_ms and ms(after_ms) or '+inf'
  local flat = redis.call('ZREVRANGEBYSCORE', KEYS[2], from, '-inf', 'WITHSCORES', 'LIMIT', 0, to_scan)
  for i = 1, #flat, 2 do list[#list + 1] = { flat[i], tonumber(flat[i + 1]) } end
  return list, #list == to_scan
end

local list, cut = entries()
local result = { '', ARGV[1], after_id }
for i, entry in ipairs(list) do
  local id, created = entry[1], entry[2]
  if not after_ms or created < after_ms or (created == after_ms and id < after_id) then
    local v = redis.call('HMGET', job_key(id), 'status', 'owner', 'model', 'request_id', 'kind', 'schema')
    result[2], result[3] = ms(created), id
    if matches(v) then result[#result + 1] = id end
    if #result - 3 == wanted then
      cut = cut or i < #list
      break
    end
  end
end
result[1] = cut and 'more' or 'end'
return result
