-- uses base, jobs, order, history, ends, moves
-- Ends jobs that wait and have waited for too long.
--
-- KEYS 1 key prefix
-- ARGV 1 how many to look at
-- Returns the id of each that ended
local late = expire_late(ARGV[1])
announce()
return late
