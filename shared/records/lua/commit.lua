-- uses base, jobs, history, ends
-- Writes the outcomes of a micro-batch: of all its jobs, or of none where a claim does not hold one of them any more, somebody
-- wishes to cancel it, or its record is gone. Repeated, it writes nothing twice.
--
-- The worker prepares records, messages and counts, since Lua takes several times as long. Jobs of one claim, owner, end and time
-- to live make a group.
--
-- KEYS 1 key prefix
-- ARGV 1 queue, 2 jobs, 3 API processes to be told, 4 fields of the history; then
--      of each process: its name, and a line for each of its jobs;
--      of each field: its name, and by how much;
--      of each group: '<token> <claim> ', owner, state, time to live, whether their input stands apart, 1 where they have
--      Idempotency-Keys, end of their time to live, how many they are; then all ids, all creations in microseconds, all
--      records, all Idempotency-Keys
-- Returns nothing once all are written; else two a job: id; 'held', 'canceling' (held, and not wanted any more), 'committed' (by
--         this same claim before), 'stale' (held by no one, or by another), or 'gone' (there is no record any more)
local queue, messages, fields = ARGV[1], tonumber(ARGV[3]), tonumber(ARGV[4])
local groups, ids, may_write = {}, {}, true
local has_wishes = redis.call('EXISTS', WISHES) == 1

-- Whether each job of a group is held under the claim, there, and wanted.
local function look_at(group)
  local from, to = group.first, group.first + group.size - 1
  group.keys, group.holds = {}, redis.call('HMGET', HOLDS, unpack(ARGV, from, to))
  group.wishes = has_wishes and redis.call('HMGET', WISHES, unpack(ARGV, from, to)) or {}
  for i = 1, group.size do
    local id, hold = ARGV[from + i - 1], group.holds[i]
    ids[#ids + 1], group.keys[i] = id, job_key(id)
    if not hold or hold:sub(1, #group.by) ~= group.by or group.wishes[i] then may_write = false end
  end
  may_write = may_write and redis.call('EXISTS', unpack(group.keys)) == group.size
end

local at = 5 + 2 * (messages + fields)
while at <= #ARGV do
  local group = { model = queue, by = ARGV[at], owner = ARGV[at + 1], status = ARGV[at + 2], ttl = tonumber(ARGV[at + 3]),
    apart = ARGV[at + 4], has_keys = ARGV[at + 5] == '1', expires = ARGV[at + 6], size = tonumber(ARGV[at + 7]),
    first = at + 8 }
  at = group.first + (group.has_keys and 4 or 3) * group.size
  groups[#groups + 1] = group
  look_at(group)
end

local function refusal_of(group, i)
  local id, hold = ARGV[group.first + i - 1], group.holds[i]
  local text = redis.call('GET', group.keys[i])
  if hold and hold:sub(1, #group.by) == group.by then
    if text then return group.wishes[i] and 'canceling' or 'held' end
    redis.call('ZREM', RUNNING, id)
    redis.call('HDEL', HOLDS, id)
    redis.call('HDEL', WISHES, id)
  end
  if not text then return 'gone' end
  -- Where the sweeper ended it there is no model version behind the claim.
  return text:find('\n' .. group.status .. ' %S+ %S+ %S+ ' .. group.by:gsub('%p', '%%%0') .. '[^=]') and 'committed' or 'stale'
end

if not may_write then
  local refusals = {}
  for _, group in ipairs(groups) do
    for i = 1, group.size do
      add(refusals, ARGV[group.first + i - 1])
      add(refusals, refusal_of(group, i))
    end
  end
  return refusals
end

-- The records go first: a Redis that has no memory left refuses a script at its first write, when nothing is written yet.
for _, group in ipairs(groups) do end_jobs(group, ARGV, group.first) end
redis.call('ZREM', RUNNING, unpack(ids))
redis.call('HDEL', HOLDS, unpack(ids))
for i = 5, 3 + 2 * messages, 2 do redis.call('PUBLISH', P .. 'ended:' .. ARGV[i], ARGV[i + 1]) end
redis.call('PUBLISH', P .. 'ended', table.concat(ids, ','))
complete(queue, ARGV[2])
for i = 5 + 2 * messages, 3 + 2 * (messages + fields), 2 do tally(queue, ARGV[i], ARGV[i + 1]) end
write_history()
return {}
