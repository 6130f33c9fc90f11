-- KEYS[1] is the prefix of every key: the configured one and the partition's hash tag, so that all keys of a script are in one
-- slot. Times are Unix milliseconds of Redis's clock with three decimals.
local P = KEYS[1]

-- What a field of a record has where it has nothing: no other value is written so.
local NONE = '='

local read_ms
-- The same throughout one run of a script.
local function now_ms()
  if not read_ms then
    local time = redis.call('TIME')
    read_ms = time[1] * 1000 + time[2] / 1000
  end
  return read_ms
end

-- A time as it is written: records keep it at one length.
local function ms(number)
  return string.format('%.3f', number)
end

-- Scores of jobs are whole numbers: Redis keeps a small sorted set as a list that it searches from the start, and reads each
-- fraction that it meets there as a text. When something is due, in ms; and a creation, in microseconds.
local function due(time)
  return string.format('%.0f', math.floor(time))
end
local function us(created)
  return string.format('%.0f', created * 1000)
end

-- Runs one command with many words at its end; an even number of them at a time, and no more than Lua can unpack.
local function call_with(words, ...)
  if #words == 0 then return end
  local command = { ... }
  local head = #command
  for from = 1, #words, 1000 do
    for i = 0, math.min(999, #words - from) do command[head + 1 + i] = words[from + i] end
    redis.call(unpack(command, 1, head + math.min(1000, #words - from + 1)))
  end
end

-- What this run takes out of sorted sets and hashes and puts into sorted sets, by key: written together by write(), with one
-- command for all jobs of a micro-batch.
local taken_out, cleared, put_in = {}, {}, {}

local function list_of(lists, key)
  local list = lists[key]
  if not list then
    list = {}
    lists[key] = list
  end
  return list
end

local function add(list, word)
  list[#list + 1] = word
end

local function take_out(set, member) add(list_of(taken_out, set), member) end
local function clear(hash, field) add(list_of(cleared, hash), field) end
local function put(set, score, member)
  local scored = list_of(put_in, set)
  scored[#scored + 1], scored[#scored + 2] = score, member
end

local function write()
  for set, members in pairs(taken_out) do call_with(members, 'ZREM', set) end
  for hash, fields in pairs(cleared) do call_with(fields, 'HDEL', hash) end
  for set, scored in pairs(put_in) do call_with(scored, 'ZADD', set) end
  taken_out, cleared, put_in = {}, {}, {}
end
