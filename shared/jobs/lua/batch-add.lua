-- Adds a chunk to a batch that is being uploaded, and its job unless the batch holds its chunks back. The sender
-- numbers its chunks: several are under way at a time, and one that had to be repeated comes after later ones.
--
-- KEYS 1 key prefix
-- ARGV 1 batch, 2 rows that can run, 3 rows that are invalid, 4 columns, 5 errors of the invalid rows as JSON
--      ('' = none), 6 number of the chunk, from 0
-- Returns {'added', id of the chunk's job ('' = nothing to put into Bee-Queue)} or {'closed'} when the batch no
--         longer takes rows
local batch, rows, invalid, number = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[6]
local key = batch_key(batch)
local v = redis.call('HMGET', key, 'status', 'strict', 'chunks', 'schema')
if v[1] ~= 'accepting' or v[4] ~= SCHEMA then return { 'closed' } end
local now = now_ms()
redis.call('HSET', key, 'chunks', math.max(tonumber(v[3]), number + 1))
redis.call('HINCRBY', key, 'rows_total', rows + invalid)
redis.call('ZADD', P .. 'accepting', ms(now), batch)
if invalid > 0 then
  redis.call('HINCRBY', key, 'rows_invalid', invalid)
  redis.call('HSET', key .. ':invalid', number, ARGV[5])
end
if rows == 0 then
  redis.call('HINCRBY', key, 'chunks_ended', 1)
  return { 'added', '' }
end
redis.call('HSET', key .. ':in', number, ARGV[4])
if v[2] == '1' then
  redis.call('HSET', key, 'held:' .. number, rows)
  return { 'added', '' }
end
return { 'added', start_chunk(batch, number, rows, now) }
