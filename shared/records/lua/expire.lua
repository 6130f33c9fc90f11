-- Ends queued jobs that have waited for too long. Records of another version stay where they are.
--
-- KEYS 1 key prefix
-- ARGV 1 how many to look at, 2 how many of the oldest to pass over, 3 longest in ms that any job may wait, 4 queue whose
--      oldest are looked at ('' = jobs of all queues that are past a deadline of their own)
-- Returns {how many to pass over next time (0 = the end was reached), {id of each that ended}}
local now = now_ms()
local passed_over, queue_ttl_ms = tonumber(ARGV[2]), tonumber(ARGV[3])
local index, latest = P .. 'deadlines', now
if ARGV[4] ~= '' then index, latest = P .. 'queued:' .. ARGV[4], now - queue_ttl_ms end
local ids, late = redis.call('ZRANGEBYSCORE', index, '-inf', ms(latest), 'LIMIT', ARGV[2], ARGV[1]), {}
for _, id in ipairs(ids) do
  local job = load(id)
  local is_queued = job and job.status == 'queued'
  if is_queued and is_late(job, now, queue_ttl_ms) then
    expire(id, job, now)
    late[#late + 1] = id
  elseif job and (job.unreadable or (is_queued and ARGV[4] ~= '')) then
    passed_over = passed_over + 1
  else
    redis.call('ZREM', index, id)
  end
end
if ARGV[4] ~= '' and redis.call('EXISTS', index) == 0 then redis.call('SREM', P .. 'queues', ARGV[4]) end
announce()
return { #ids == tonumber(ARGV[1]) and passed_over or 0, late }
