-- Opens a batch that is about to be uploaded.
--
-- KEYS 1 key prefix
-- ARGV 1 id, 2 owner ('' = nobody), 3 idempotency key ('' = none), 4 its life in ms,
--      5 most chunks that may wait, 6 '1' where callers share the queue, 7.. field, value, ... of the record, stored as
--      they are: model, queue, ttl_ms, timeout_ms, max_attempts, ...
-- Returns {'created', created_ms}; {'full', depth}; {'share', how many chunks of the owner wait}; {'replayed', id of the
--         first batch, fingerprint of its upload}; {'uploading', its id} while the first upload with that key is under way
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
for i = 7, #ARGV, 2 do record[ARGV[i]] = ARGV[i + 1] end
local queue, is_shared = record.queue, ARGV[6] == '1'
local refused = refusal(depth_of(queue), waiting_of(owner, queue, is_shared), tonumber(ARGV[5]))
if refused then return refused end
local now = now_ms()
redis.call('HSET', batch_key(id), 'schema', SCHEMA, 'status', 'accepting', 'owner', owner, 'created_ms', ms(now),
  'chunks', 0, 'chunks_ended', 0, 'rows_total', 0, 'rows_succeeded', 0, 'rows_failed', 0, 'rows_invalid', 0,
  'idem_key', idem_key or '', 'max_waiting', ARGV[5], 'is_shared', ARGV[6], unpack(ARGV, 7))
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
