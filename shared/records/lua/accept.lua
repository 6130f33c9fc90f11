-- uses base, jobs, order, calls
-- Accepts groups of jobs: all of them, or none where one of them is known by its Idempotency-Key or finds no room. The API prepares
-- the commands that write them, since Lua takes several times as long.
--
-- KEYS 1 key prefix
-- ARGV 1 groups, 2 runs of the order, 3 commands. Of a group: its Idempotency-Key as '<caller>:<key>' ('=' without one), owner,
--      queues; three a queue: its name, jobs, largest depth. Of a run, which has jobs that are to wait in one lane: queue, lane,
--      owner, weight, jobs; two a job: id, creation in microseconds. Of a command: its words; each of them
-- Returns {'created', places in their queues of the jobs of all runs, queues, depth of each}; or for each group {'free'};
--         {'made', what its key has made, see key_of_idem}; {'full', depth, queue}; {'share', how many of the owner wait, queue}
local at = 4
-- The next so many words.
local function words(count)
  at = at + count
  return unpack(ARGV, at - count, at - 1)
end

local groups, keys = {}, {}
for i = 1, ARGV[1] do
  local idem, owner, queues = words(3)
  groups[i] = { key = key_of_idem(idem), owner = owner, rooms = { words(3 * queues) } }
  keys[i] = groups[i].key
end
local values = redis.call('MGET', unpack(keys))

-- Whether a job that a key has made is still there.
local function is_there(made)
  for id in made:match('^%S+'):gmatch('[^,]+') do
    if redis.call('EXISTS', job_key(id)) == 1 then return true end
  end
end

local depths, owned = {}, {}
-- Why a group is not accepted, if those before it are.
local function refusal_of(group, made)
  if made and is_there(made) then return { 'made', made } end
  for i = 1, #group.rooms, 3 do
    local queue, most = group.rooms[i], tonumber(group.rooms[i + 2])
    depths[queue] = depths[queue] or depth_of(queue)
    local own = waiting_of(group.owner, queue)
    local before = own and owned[queue .. ' ' .. group.owner] or 0
    for n = 0, group.rooms[i + 1] - 1 do
      local refused = refusal(depths[queue] + n, own and own + before + n, most)
      if refused then return { refused[1], refused[2], queue } end
    end
  end
  for i = 1, #group.rooms, 3 do
    local queue, count = group.rooms[i], tonumber(group.rooms[i + 1])
    local name = queue .. ' ' .. group.owner
    depths[queue], owned[name] = depths[queue] + count, (owned[name] or 0) + count
  end
end

local refusals, may_write = {}, true
for i, group in ipairs(groups) do
  local refused = refusal_of(group, values[i])
  may_write = may_write and not refused
  refusals[i] = refused or { 'free' }
end
if not may_write then return refusals end

local runs, places = {}, {}
for i = 1, ARGV[2] do
  local queue, lane, owner, weight, size = words(5)
  local job = { queue = queue, lane = lane, owner = owner, weight = tonumber(weight) }
  runs[i] = { job = job, first = at, size = tonumber(size) }
  for n = at, at + 2 * size - 2, 2 do
    job.id = ARGV[n]
    enqueue(job, nil, ARGV[n + 1] / 1000)
  end
  at = at + 2 * size
end
for _ = 1, ARGV[3] do
  local size = words(1)
  redis.call(words(size))
end
write()
write_order()
for _, run in ipairs(runs) do
  for n = run.first, run.first + 2 * run.size - 2, 2 do
    run.job.id = ARGV[n]
    add(places, place_of(run.job) or 0)
  end
end
local queues, found = {}, {}
for queue, depth in pairs(depths) do
  call_worker(queue)
  add(queues, queue)
  add(found, depth)
end
return { 'created', places, queues, found }
