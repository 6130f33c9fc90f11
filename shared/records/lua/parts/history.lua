-- What this run of the script adds to the history: model, then field, then by how much.
local tallies = {}
local HISTORY_MS = 25 * 3600 * 1000

local function tally(model, field, by)
  local of_model = list_of(tallies, model)
  of_model[field] = (of_model[field] or 0) + by
end

-- Four buckets to each doubling of an eighth of a millisecond: a percentile read from them is off by a tenth at most.
local function bucket_of(spent_ms)
  if spent_ms <= 0.125 then return 0 end
  return math.floor(4 * math.log(spent_ms * 8) / math.log(2))
end

-- Counts completions a second of a queue, for the estimate of waiting time: ten seconds are read back.
local function complete(queue, by)
  local second = P .. 'done:' .. queue .. ':' .. math.floor(now_ms() / 1000)
  redis.call('INCRBY', second, by)
  redis.call('EXPIRE', second, 15)
end

local function write_history()
  local minute = math.floor(now_ms() / 60000)
  for model, fields in pairs(tallies) do
    local key, is_new = P .. 'minute:' .. model .. ':' .. minute, false
    for field, by in pairs(fields) do is_new = redis.call('HINCRBY', key, field, by) == by or is_new end
    if is_new then redis.call('PEXPIRE', key, HISTORY_MS) end
  end
end
