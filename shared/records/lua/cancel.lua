-- Cancels a job: at once while it waits, as soon as its worker lets go of it while it runs.
--
-- KEYS 1 key prefix
-- ARGV 1 id, 2 owner whose jobs may be canceled ('*' = anybody's)
-- Returns 'canceled', 'canceling', 'ended' (too late) or 'gone' (unknown, or somebody else's)
local id = ARGV[1]
local job = load(id)
if not job or job.unreadable or job.kind ~= 'single' then return 'gone' end
if ARGV[2] ~= '*' and job.owner ~= ARGV[2] then return 'gone' end
if is_ended(job.status) then return 'ended' end
if job.status == 'queued' then
  finish(id, job, 'canceled', now_ms())
  announce()
  return 'canceled'
end
if job.status == 'running' then
  redis.call('HSET', job_key(id), 'status', 'canceling')
  redis.call('PUBLISH', P .. 'canceling', id)
  move(id, job, 'canceling')
  announce()
end
return 'canceling'
