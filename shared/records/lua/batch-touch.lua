-- uses base, jobs
-- Says that an upload is alive though it brings no chunk.
--
-- KEYS 1 key prefix
-- ARGV 1 batch
-- Returns 1 while the batch takes rows, else 0
if redis.call('HGET', batch_key(ARGV[1]), 'status') ~= 'accepting' then return 0 end
redis.call('ZADD', P .. 'accepting', ms(now_ms()), ARGV[1])
return 1
