-- uses base, jobs, order, calls, history, ends, moves
-- Takes a micro-batch of jobs for one worker: the first that wait. Each gets a lease, one more attempt, and the fencing token of
-- this claim.
--
-- A claim whose answer got lost may be repeated under its number: it gives the same answer again, with a new lease, without
-- those that were given back or ended since; canceled ones end. A lower number than the claimer's last is refused: nobody would
-- run what it took.
--
-- A job that is marked 'a' is claimed by itself, never beside others; see read_hold() in parts/jobs.lua.
--
-- KEYS 1 key prefix
-- ARGV 1 queue, 2 how many at most, 3 lease in ms, 4 claimer (one name for each queue and worker), 5 number of its claim,
--      ever growing, 6 'beside' while the worker runs something else or claims in other partitions, too, else ''
-- Returns {token, start of these attempts, 1 where more wait, ms until the next delayed job is due ('' = none is), ids, line 1 of
--         each record (nil = there is none), attempts, places in this list of those that a claim took before, places of those
--         whose input stands apart, these inputs}
local queue, most, claimer, number = ARGV[1], tonumber(ARGV[2]), ARGV[4], tonumber(ARGV[5])
local is_beside = ARGV[6] == 'beside'
local now = now_ms()
local claim = claimer .. ':' .. ARGV[5]
local last_key = P .. 'claim:' .. claimer
-- How long a call that got lost may take to arrive after it was repeated.
local LATE_MS = 60000

local function waiting()
  for _, lane in ipairs(LANES) do
    if redis.call('EXISTS', lane_key(queue, lane)) == 1 then return 1 end
  end
  return 0
end

local function next_due()
  local at = redis.call('ZRANGE', P .. 'delayed:' .. queue, 0, 0, 'WITHSCORES')[2]
  return at and ms(math.max(0, at - now)) or ''
end

-- What the worker has to know of jobs that it holds; `again`: places of those that a claim took before.
local function answer(token, started, more, due, ids, attempts, again)
  if #ids == 0 then return { token, started, more, due } end
  local keys, apart, inputs = {}, {}, {}
  for i, id in ipairs(ids) do keys[i] = job_key(id) end
  local lines = redis.call('MGET', unpack(keys))
  for i, line in ipairs(lines) do
    if line and is_input_apart(line) then
      add(apart, i)
      add(inputs, redis.call('GET', P .. 'in:' .. ids[i]))
    end
  end
  return { token, started, more, due, ids, lines, attempts, again, apart, inputs }
end

-- An empty claim is remembered, too: its first call may arrive after a repeat, and nobody would know what it took.
local function remember(ids)
  redis.call('SET', last_key, ARGV[5] .. '\n' .. table.concat(ids, '\n'), 'PX', LATE_MS)
end

local last = redis.call('GET', last_key)
if last then
  local last_number = tonumber(last:match('^%d+'))
  if last_number > number then return { 0, '', 0, '' } end
  if last_number == number then
    local ids, attempts, again, token, started = {}, {}, {}, 0, ''
    for id in last:gmatch('\n([^\n]+)') do
      local hold = read_hold(redis.call('HGET', HOLDS, id))
      local its_token, its_claim = (hold.by or ''):match('^(%S+) (%S+)$')
      local job = its_claim == claim and load(id)
      if job and redis.call('HEXISTS', WISHES, id) == 1 then
        take_out(RUNNING, id)
        finish(job, hold, 'canceled', now)
      elseif job then
        put(RUNNING, due(now + ARGV[3]), id)
        ids[#ids + 1], attempts[#ids + 1], again[#ids + 1] = id, hold.attempts, #ids + 1
        token, started = its_token, hold.started
      end
    end
    announce()
    return answer(token, started, waiting(), next_due(), ids, attempts, again)
  end
end

-- Late jobs end before any is claimed; where one run of the script cannot end them all, it claims none.
local _, looked_at = expire_late(128)
if looked_at == 128 then
  remember({})
  announce()
  return { 0, '', 1, '' }
end
start_due(queue, 4 * most)
write()
write_order()

-- In the order in which they are run, with the virtual time of each; and how many of each lane.
local ids, virtual, from_lane = {}, {}, {}
for n, lane in ipairs(LANES) do
  local room = most - #ids
  local first = room > 0 and redis.call('ZRANGE', lane_key(queue, lane), 0, room - 1, 'WITHSCORES') or {}
  for i = 1, #first, 2 do ids[#ids + 1], virtual[#ids + 1] = first[i], first[i + 1] end
  from_lane[n] = #first / 2
end
local is_full = #ids == most
local holds = #ids > 0 and redis.call('HMGET', HOLDS, unpack(ids)) or {}
local attempts, marks, again = {}, {}, {}
for i, id in ipairs(ids) do
  local hold = holds[i] and read_hold(holds[i]) or NEVER_HELD
  attempts[i], marks[i] = hold.attempts + 1, ''
  if holds[i] then again[#again + 1] = i end
  if is_marked(hold, 'a') then
    marks[i] = 'a'
    local kept = i == 1 and not is_beside and 1 or i - 1
    is_full = is_full or kept < #ids
    for beyond = #ids, kept + 1, -1 do ids[beyond] = nil end
    if kept < i then attempts[i], again[#again] = nil, nil end
    break
  end
end

remember(ids)
if #ids == 0 then
  announce()
  return { 0, '', is_full and 1 or 0, next_due() }
end

local token = redis.call('INCR', P .. 'token')
local started, lease = ms(now), due(now + ARGV[3])
local by, lone = token .. ' ' .. claim .. ' ' .. started .. ' ', #ids == 1 and not is_beside and 'l' or ''
local leased, held = {}, {}
for i, id in ipairs(ids) do
  leased[2 * i - 1], leased[2 * i] = lease, id
  held[2 * i - 1], held[2 * i] = id, by .. attempts[i] .. ' ' .. virtual[i] .. ' ' .. marks[i] .. lone
end
local left = #ids
for n, lane in ipairs(LANES) do
  local size = math.min(left, from_lane[n])
  if size > 0 then redis.call('ZREMRANGEBYRANK', lane_key(queue, lane), 0, size - 1) end
  from_lane[n], left = size, left - size
end
redis.call('ZREM', DEADLINES, unpack(ids))
redis.call('ZADD', RUNNING, unpack(leased))
redis.call('HSET', HOLDS, unpack(held))
redis.call('PUBLISH', P .. 'started', table.concat(ids, ','))

local result = answer(token, started, is_full and waiting() or 0, next_due(), ids, attempts, again)
-- The lane that the i-th id came from, and where it ends among them.
local highest, n, lane_end = {}, 1, from_lane[1]
for i, id in ipairs(ids) do
  while i > lane_end do
    n = n + 1
    lane_end = lane_end + from_lane[n]
  end
  local line = result[6][i]
  if not line then
    -- The record is gone: the worker tells of it.
    take_out(RUNNING, id)
    clear(HOLDS, id)
  elseif not is_nobodys(line) then
    count_waiting(queue, owner_of(line), -1)
    highest[LANES[n]] = virtual[i]
  end
  if #id > UUID_LENGTH then
    redis.call('HSETNX', batch_key(id:sub(1, UUID_LENGTH)), 'started_ms', started)
  end
end
for lane, start in pairs(highest) do redis.call('ZADD', clock_key(queue, lane), 'GT', start, NONE) end
-- One more worker is called, which may be idle.
if result[3] == 1 then call_worker(queue, 1) end
announce()
return result
