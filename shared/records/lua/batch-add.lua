-- uses base, jobs, order, calls, history, ends, moves, batches
-- Adds a chunk to a batch that is being uploaded, and its job unless the batch holds its chunks back. The sender
-- numbers its chunks: several are under way at a time, and one that had to be repeated comes after later ones.
--
-- KEYS 1 key prefix
-- ARGV 1 batch, 2 rows that can run, 3 rows that are invalid, 4 columns, 5 errors of the invalid rows as JSON
--      ('' = none), 6 number of the chunk, from 0
-- Returns {'added'}; {'closed'} when the batch no longer
--         takes rows; {'full', depth} or {'share', how many chunks of the owner wait} while there is no room for it
local batch, rows, invalid, number = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[6]
local key = batch_key(batch)
local v = redis.call('HMGET', key, 'status', 'strict', 'chunks', 'queue', 'owner', 'max_waiting')
if v[1] ~= 'accepting' then return { 'closed' } end
local now = now_ms()
local queue, owner = v[4], v[5] == '' and NONE or v[5]
if rows > 0 then
  local refused = refusal(depth_of(queue), waiting_of(owner, queue), tonumber(v[6]))
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
  return { 'added' }
end
redis.call('HSET', key .. ':in', number, ARGV[4])
if v[2] == '1' then
  redis.call('HSET', key, 'held:' .. number, rows)
  put(P .. 'held:' .. queue, ms(now), chunk_id(batch, number))
  count_waiting(queue, owner, 1)
else
  start_chunk(batch, number, rows, now)
end
announce()
if v[2] ~= '1' then call_worker(queue) end
return { 'added' }
