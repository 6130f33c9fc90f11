-- Adds a chunk to a batch that is being uploaded, and its job unless the batch holds its chunks back. The sender
-- numbers its chunks: several are under way at a time, and one that had to be repeated comes after later ones.
--
-- KEYS 1 key prefix
-- ARGV 1 batch, 2 rows that can run, 3 rows that are invalid, 4 columns, 5 errors of the invalid rows as JSON
--      ('' = none), 6 number of the chunk, from 0
-- Returns {'added', id of the chunk's job ('' = nothing to put into Bee-Queue)}; {'closed'} when the batch no longer
--         takes rows; {'full', depth} or {'share', how many chunks of the owner wait} while there is no room for it
local batch, rows, invalid, number = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[6]
local key = batch_key(batch)
local v = redis.call('HMGET', key, 'status', 'strict', 'chunks', 'schema', 'queue', 'owner', 'max_waiting', 'is_shared')
if v[1] ~= 'accepting' or v[4] ~= SCHEMA then return { 'closed' } end
local now = now_ms()
local queue, owner = v[5], v[6]
if rows > 0 and v[7] then
  local refused = refusal(depth_of(queue), waiting_of(owner, queue, v[8] == '1'), tonumber(v[7]))
  if refused then return refused end
end
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
local started = ''
if v[2] == '1' then
  redis.call('HSET', key, 'held:' .. number, rows)
  put(P .. 'held:' .. queue, ms(now), batch .. ':' .. number)
  if owner ~= '' then put(index_key(owner, queue, 'queued'), ms(now), batch .. ':' .. number) end
else
  started = start_chunk(batch, number, rows, now)
end
announce()
return { 'added', started }
