-- Closes the upload of a batch; chunks that were held back get their jobs now.
--
-- KEYS 1 key prefix
-- ARGV 1 batch, 2 fingerprint of the upload
-- Returns {'accepted', id of a chunk's job, ...} (to be put into Bee-Queue) or {'closed'}
local batch = ARGV[1]
local key = batch_key(batch)
local v = redis.call('HMGET', key, 'status', 'chunks', 'strict', 'idem_key', 'schema', 'queue')
if v[1] ~= 'accepting' or v[5] ~= SCHEMA then return { 'closed' } end
local now = now_ms()
redis.call('HSET', key, 'status', 'accepted')
redis.call('ZREM', P .. 'accepting', batch)
-- A key that ran out during the upload, or that another batch has by now, is none of this batch.
if v[4] ~= '' and redis.call('HGET', v[4], 'batch') == batch then redis.call('HSET', v[4], 'fingerprint', ARGV[2]) end
local result = { 'accepted' }
if v[3] == '1' then
  for number = 0, tonumber(v[2]) - 1 do
    local rows = redis.call('HGET', key, 'held:' .. number)
    if rows then
      redis.call('HDEL', key, 'held:' .. number)
      take_out(P .. 'held:' .. v[6], batch .. ':' .. number)
      -- A microsecond apart: windows over the queue go on after a time, and the chunks keep their order.
      result[#result + 1] = start_chunk(batch, number, rows, now + number / 1000)
    end
  end
end
finish_batch_if_done(batch, now)
announce()
return result
