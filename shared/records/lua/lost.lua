-- Drops entries of Bee-Queue's hash that stand in none of its lists: nothing would ever hand them out. The jobs that
-- wait under them get a new delivery. (An entry that was in a list after all costs its job nothing but the place: what
-- is left in the list is taken out as a ghost.)
--
-- KEYS 1 key prefix, 2 Bee-Queue's hash of jobs
-- ARGV three an entry: its name, job id, delivery
-- Returns {entries dropped, id, delivery, id, delivery, ...} to be put into Bee-Queue
local now = now_ms()
local result = { 0 }
for i = 1, #ARGV, 3 do
  local id = ARGV[i + 1]
  if redis.call('HDEL', KEYS[2], ARGV[i]) == 1 then
    result[1] = result[1] + 1
    local job = load(id)
    if job and job.status == 'queued' and job.delivery == tonumber(ARGV[i + 2]) then
      result[#result + 1] = id
      result[#result + 1] = queue_again(id, job, job.attempts, now)
    end
  end
end
announce()
return result
