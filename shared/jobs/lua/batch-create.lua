-- Opens a batch that is about to be uploaded.
--
-- KEYS 1 key prefix
-- ARGV 1 id, 2 owner ('' = nobody), 3 idempotency key ('' = none), 4 its life in ms,
--      5 most chunks that may wait, 6.. field, value, ... of the record, stored as they are: model, queue, ttl_ms, timeout_ms, max_attempts, ...
-- Returns {'created', created_ms}; {'full', depth}; {'replayed', id of the first batch, fingerprint of its upload};
--         {'uploading', its id} while the first upload with that key is under way
local id, owner = ARGV[1], ARGV[2]
local idem_key = ARGV[3] ~= '' and P .. 'batch-idem:' .. owner .. ':' .. ARGV[3]
if idem_key then
  local first = redis.call('HMGET', idem_key, 'batch', 'fingerprint')
  if first[1] and redis.call('EXISTS', batch_key(first[1])) == 1 then
    if not first[2] then return { 'uploading', first[1] } end
    return { 'replayed', first[1], first[2] }
  end
end
local record = {}
for i = 6, #ARGV, 2 do record[ARGV[i]] = ARGV[i + 1] end
local depth = redis.call('ZCARD', P .. 'queued:' .. record.queue)
if depth >= tonumber(ARGV[5]) then return { 'full', depth } end
local now = now_ms()
redis.call('HSET', batch_key(id), 'schema', SCHEMA, 'status', 'accepting', 'owner', owner, 'created_ms', ms(now),
  'chunks', 0, 'chunks_ended', 0, 'rows_total', 0, 'rows_succeeded', 0, 'rows_failed', 0, 'rows_invalid', 0,
  'idem_key', idem_key or '', unpack(ARGV, 6))
redis.call('ZADD', P .. 'batches:all', ms(now), id)
if owner ~= '' then
  redis.call('ZADD', P .. 'batches:owner:' .. owner, ms(now), id)
  redis.call('SADD', P .. 'owners', owner)
end
redis.call('ZADD', P .. 'accepting', ms(now), id)
if idem_key then
  redis.call('DEL', idem_key)
  redis.call('HSET', idem_key, 'batch', id)
  redis.call('PEXPIRE', idem_key, ARGV[4])
end
return { 'created', ms(now) }
