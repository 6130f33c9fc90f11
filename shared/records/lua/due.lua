-- uses base, jobs, order, calls, history, ends, moves
-- Lets delayed jobs of a queue wait in their lanes whose time has come, and has workers called where jobs wait and no call does:
-- one was lost.
--
-- KEYS 1 key prefix
-- ARGV 1 queue, 2 how many to look at
-- Returns how many fell due
local queue = ARGV[1]
local due = start_due(queue, ARGV[2])
announce()
for _, lane in ipairs(LANES) do
  if redis.call('EXISTS', lane_key(queue, lane)) == 1 then
    call_worker(queue, 1)
    break
  end
end
return due
