-- uses base, jobs, order, calls, history, ends, moves, batches
-- Closes the upload of a batch; chunks that were held back get their jobs now.
--
-- KEYS 1 key prefix
-- ARGV 1 batch, 2 fingerprint of the upload
-- Returns 1, or 0 where the batch takes no rows any more
local batch = ARGV[1]
local key = batch_key(batch)
local v = redis.call('HMGET', key, 'status', 'chunks', 'strict', 'idem_key', 'queue')
if v[1] ~= 'accepting' then return 0 end
local now = now_ms()
redis.call('HSET', key, 'status', 'accepted')
redis.call('ZREM', P .. 'accepting', batch)
-- A key that ran out during the upload, or that another batch has by now, is none of this batch.
if v[4] ~= '' and redis.call('HGET', v[4], 'batch') == batch then redis.call('HSET', v[4], 'fingerprint', ARGV[2]) end
if v[3] == '1' then
  for number = 0, tonumber(v[2]) - 1 do
    local rows = redis.call('HGET', key, 'held:' .. number)
    if rows then
      redis.call('HDEL', key, 'held:' .. number)
      take_out(P .. 'held:' .. v[5], chunk_id(batch, number))
      -- A microsecond apart, so that the chunks keep their order.
      start_chunk(batch, number, rows, now + number / 1000, true)
    end
  end
end
finish_batch_if_done(batch, now)
announce()
if v[3] == '1' then call_worker(v[5]) end
return 1
