-- Writes the results of one chunk where its claim still holds it.
--
-- KEYS 1 key prefix
-- ARGV 1 queue, 2 model version, 3 chunk's job id, 4 token, 5 claim id, 6 rows with a result, 7 rows without one, 8 results
-- Returns 'committed', 'canceled' (the results were dropped), 'stale' (nothing changed) or 'gone' (the chunk has ended)
local id = ARGV[3]
local job = load(id)
if not job then return 'gone' end
if not holds(job, ARGV[4], ARGV[5]) then return 'stale' end
local now = now_ms()
if job.status == 'canceling' then
  finish(id, job, 'canceled', now)
  announce()
  return 'canceled'
end
local batch, number = id:match('^(.+):(%d+)$')
local key = batch_key(batch)
redis.call('HSET', key .. ':out', number, ARGV[8])
redis.call('HSET', key, 'model_version', ARGV[2])
redis.call('HINCRBY', key, 'rows_succeeded', ARGV[6])
redis.call('HINCRBY', key, 'rows_failed', ARGV[7])
complete(ARGV[1], ARGV[6] + ARGV[7], now)
tally(job.model, 'rows', ARGV[6] + ARGV[7])
finish(id, job, 'succeeded', now)
announce()
return 'committed'
