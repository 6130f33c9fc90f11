-- Opens a batch that is about to be uploaded.
--
-- KEYS 1 key prefix
-- ARGV 1 id, 2 owner ('' = nobody), 3 idempotency key ('' = none), 4 most chunks that may wait, 5 '1' where callers share the
--      queue, 6 silence in ms after which the process that takes an upload counts as dead, 7.. field, value, ... of the
--      record, stored as they are: model, queue, ttl_ms, timeout_ms, max_attempts, ...
-- Returns {'created', created_ms}; {'full', depth}; {'share', how many chunks of the owner wait}; {'replayed', id of the
--         first batch, fingerprint of its upload}; {'uploading', its id} while the first upload with that key is under way
local id, owner = ARGV[1], ARGV[2]
local now = now_ms()
local batch_idem = ARGV[3] ~= '' and P .. 'batch-idem:' .. owner .. ':' .. ARGV[3]
if batch_idem then
  local first = redis.call('HMGET', batch_idem, 'batch', 'fingerprint')
  local v = redis.call('HMGET', batch_key(first[1] or ''), 'schema', 'status')
  if v[1] and first[2] then return { 'replayed', first[1], first[2] } end
  -- Without a fingerprint its upload goes on, or has come to nothing.
  if v[1] and (v[1] ~= SCHEMA or v[2] == 'accepting') then
    local sign_of_life = redis.call('ZSCORE', P .. 'accepting', first[1])
    if v[1] ~= SCHEMA or (sign_of_life and now - sign_of_life <= tonumber(ARGV[6])) then
      return { 'uploading', first[1] }
    end
    drop_upload(first[1], now)
    announce()
  end
end
local record = {}
for i = 7, #ARGV, 2 do record[ARGV[i]] = ARGV[i + 1] end
local queue, is_shared = record.queue, ARGV[5] == '1'
local refused = refusal(depth_of(queue), waiting_of(owner, queue, is_shared), tonumber(ARGV[4]))
if refused then return refused end
redis.call('HSET', batch_key(id), 'schema', SCHEMA, 'status', 'accepting', 'owner', owner, 'created_ms', ms(now),
  'chunks', 0, 'chunks_ended', 0, 'rows_total', 0, 'rows_succeeded', 0, 'rows_failed', 0, 'rows_invalid', 0,
  'idem_key', batch_idem or '', 'max_waiting', ARGV[4], 'is_shared', ARGV[5], unpack(ARGV, 7))
redis.call('ZADD', P .. 'batches:all', ms(now), id)
if owner ~= '' then
  redis.call('ZADD', P .. 'batches:owner:' .. owner, ms(now), id)
  redis.call('SADD', P .. 'owners', owner)
end
redis.call('ZADD', P .. 'accepting', ms(now), id)
if batch_idem then
  redis.call('DEL', batch_idem)
  redis.call('HSET', batch_idem, 'batch', id)
end
return { 'created', ms(now) }
