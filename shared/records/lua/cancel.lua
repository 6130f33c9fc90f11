-- uses base, jobs, order, history, ends, moves
-- Cancels a job: at once while it waits, as soon as its worker lets go of it while it runs.
--
-- KEYS 1 key prefix
-- ARGV 1 id, 2 owner whose jobs may be canceled ('*' = anybody's)
-- Returns 'canceled', 'canceling', 'ended' (too late) or 'gone' (unknown, or somebody else's)
local id = ARGV[1]
local job = load(id)
if not job or job.is_chunk then return 'gone' end
if ARGV[2] ~= '*' and job.owner ~= ARGV[2] then return 'gone' end
if job.has_ended then return 'ended' end
if take_waiting(job) then
  finish(job, read_hold(redis.call('HGET', HOLDS, id)), 'canceled', now_ms())
  announce()
  return 'canceled'
end
if redis.call('HSETNX', WISHES, id, 'cancel') == 1 then redis.call('PUBLISH', P .. 'canceling', id) end
return 'canceling'
