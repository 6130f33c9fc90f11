-- uses base, jobs, order, history, ends
-- Writes the results of one chunk where its claim still holds it.
--
-- KEYS 1 key prefix
-- ARGV 1 model version, 2 id of the chunk's job, 3 '<token> <claim>', 4 rows with a result, 5 rows without one, 6 results
-- Returns 'committed', 'canceled' (the results were dropped), 'stale' (nothing changed) or 'gone' (the chunk has ended)
local id = ARGV[2]
local job, hold = load(id), read_hold(redis.call('HGET', HOLDS, id))
if not job then return 'gone' end
if hold.by ~= ARGV[3] then return 'stale' end
local now = now_ms()
redis.call('ZREM', RUNNING, id)
if redis.call('HEXISTS', WISHES, id) == 1 then
  finish(job, hold, 'canceled', now)
  announce()
  return 'canceled'
end
local batch, number = id:match('^(.+):(%d+)$')
local key = batch_key(batch)
redis.call('HSET', key .. ':out', number, ARGV[6])
redis.call('HSET', key, 'model_version', ARGV[1])
redis.call('HINCRBY', key, 'rows_succeeded', ARGV[4])
redis.call('HINCRBY', key, 'rows_failed', ARGV[5])
complete(job.queue, ARGV[4] + ARGV[5])
tally(job.model, 'rows', ARGV[4] + ARGV[5])
finish(job, hold, 'succeeded', now)
announce()
return 'committed'
