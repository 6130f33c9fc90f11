-- Writes the results of one chunk where its fencing token still holds.
--
-- KEYS 1 key prefix
-- ARGV 1 queue, 2 model version, 3 chunk's job id, 4 token, 5 rows with a result, 6 rows without one, 7 results
-- Returns 'committed', 'canceled' (the results were dropped) or 'stale' (nothing changed)
local id = ARGV[3]
local job = load(id)
if not job or job.token ~= tonumber(ARGV[4]) or (job.status ~= 'running' and job.status ~= 'canceling') then
  return 'stale'
end
local now = now_ms()
if job.status == 'canceling' then
  finish(id, job, 'canceled', now)
  announce()
  return 'canceled'
end
local batch, number = id:match('^(.+):(%d+)$')
local key = batch_key(batch)
redis.call('HSET', key .. ':out', number, ARGV[7])
redis.call('HSET', key, 'model_version', ARGV[2])
redis.call('HINCRBY', key, 'rows_succeeded', ARGV[5])
redis.call('HINCRBY', key, 'rows_failed', ARGV[6])
local second = P .. 'done:' .. ARGV[1] .. ':' .. math.floor(now / 1000)
redis.call('INCRBY', second, ARGV[5] + ARGV[6])
redis.call('EXPIRE', second, 15)
tally(job.model, 'rows', ARGV[5] + ARGV[6])
finish(id, job, 'succeeded', now)
announce()
return 'committed'
