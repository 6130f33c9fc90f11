-- Start-time fair queueing (Goyal, Vin, Cheng 1996) in each lane of a queue: a job waits under a virtual time, the later one of
-- the lane's own (the highest that was claimed) and its caller's clock, which it moves on by its cost over the caller's weight.
-- Where callers are not told apart the virtual time is the time of arrival, in microseconds. One job costs a thousand; a chunk
-- as much as a micro-batch of its rows.
local MICRO_BATCH_ROWS = 64
local COST = 1000

-- How many of each caller are added to a queue and taken from it in this run: queue, then owner.
local waiting_by = {}
-- How many of each waited when this run looked.
local counted = {}
-- Clocks that were read in this run: key of the set, then owner.
local clocks = {}

local function clock_key(queue, lane)
  return P .. 'clock:' .. queue .. ':' .. lane
end

-- Callers are counted where they are told apart; delayed jobs count.
local function count_waiting(queue, owner, by)
  if owner == NONE then return end
  local of_queue = list_of(waiting_by, queue)
  of_queue[owner] = (of_queue[owner] or 0) + by
end

local function virtual_time_of(job, arrived)
  if job.owner == NONE then return arrived * 1000 end
  local key = clock_key(job.queue, job.lane)
  local of_lane = list_of(clocks, key)
  if not of_lane[job.owner] then
    local read = redis.call('ZMSCORE', key, NONE, job.owner)
    -- The lane's own time begins with the first job of a caller, not with the first claim: whoever comes in between is no later.
    if not read[1] then of_lane[NONE] = of_lane[NONE] or now_ms() * 1000 end
    of_lane[job.owner] = math.max(tonumber(read[1] or of_lane[NONE]), tonumber(read[2] or 0))
  end
  local start = of_lane[job.owner]
  local cost = job.is_chunk and math.max(1, job.rows / MICRO_BATCH_ROWS) or 1
  of_lane[job.owner] = start + COST * cost / job.weight
  return start
end

-- Puts a job into its lane: under the virtual time that it had before, or a new one.
local function enqueue(job, virtual, arrived)
  put(lane_key(job.queue, job.lane), virtual or string.format('%.0f', virtual_time_of(job, arrived)), job.id)
end

local function write_order()
  for key, of_lane in pairs(clocks) do
    for owner, clock in pairs(of_lane) do redis.call('ZADD', key, string.format('%.0f', clock), owner) end
  end
  for queue, of_queue in pairs(waiting_by) do
    for owner, by in pairs(of_queue) do
      if by ~= 0 and redis.call('HINCRBY', P .. 'waiting:' .. queue, owner, by) <= 0 then
        redis.call('HDEL', P .. 'waiting:' .. queue, owner)
        for _, lane in ipairs(LANES) do redis.call('ZREM', clock_key(queue, lane), owner) end
      end
    end
  end
  clocks, waiting_by, counted = {}, {}, {}
end

-- How many wait in a queue: its jobs, those that start later, and chunks that strict batches hold back.
local function depth_of(queue)
  local depth = redis.call('ZCARD', P .. 'delayed:' .. queue) + redis.call('ZCARD', P .. 'held:' .. queue)
  for _, lane in ipairs(LANES) do depth = depth + redis.call('ZCARD', lane_key(queue, lane)) end
  return depth
end

-- How many of a caller wait in a queue, in this run, too; nil where callers are not told apart.
local function waiting_of(owner, queue)
  if owner == NONE then return nil end
  local read = list_of(counted, queue)
  read[owner] = read[owner] or tonumber(redis.call('HGET', P .. 'waiting:' .. queue, owner) or 0)
  return read[owner] + (waiting_by[queue] and waiting_by[queue][owner] or 0)
end

-- Why nothing more may wait in a queue of this depth: {'full', depth}, or {'share', own} of an owner of whom so many
-- wait: each may have as many there as there is room left for all, so that one alone takes half and another always
-- finds room. nil when there is room.
local function refusal(depth, own, most)
  if depth >= most then return { 'full', depth } end
  return own and own >= most - depth and { 'share', own } or nil
end

-- How many wait in a lane, and the ranks of those in it where it is short: asked once a run, of a run that moves nothing any more.
local cards, ranks, was_asked = {}, {}, {}
local SHORT_LANE = 128
local function card_of(key)
  cards[key] = cards[key] or redis.call('ZCARD', key)
  return cards[key]
end
local function rank_of(key, id)
  -- A lane is read as a whole for a second job, not for one.
  if not was_asked[key] or card_of(key) > SHORT_LANE then
    was_asked[key] = true
    return redis.call('ZRANK', key, id)
  end
  if not ranks[key] then
    ranks[key] = {}
    for i, member in ipairs(redis.call('ZRANGE', key, 0, -1)) do ranks[key][member] = i - 1 end
  end
  return ranks[key][id]
end

-- How many jobs of its queue are before one that waits in its lane, if nothing more comes; nil where it does not. To be asked when
-- everything is written.
local function place_of(job)
  local before = rank_of(lane_key(job.queue, job.lane), job.id)
  if not before then return nil end
  for _, lane in ipairs(LANES) do
    if lane == job.lane then break end
    before = before + card_of(lane_key(job.queue, lane))
  end
  return before
end
