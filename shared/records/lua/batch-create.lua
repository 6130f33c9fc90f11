-- uses base, jobs, order, calls, history, ends, moves, batches
-- Opens a batch that is about to be uploaded.
--
-- KEYS 1 key prefix
-- ARGV 1 id, 2 owner ('' = nobody), 3 idempotency key ('' = none), 4 most chunks that may wait, 5 silence in ms
--      after which the process that takes an upload counts as dead, 6.. field, value, ... of the
--      record, stored as they are: model, queue, ttl_ms, timeout_ms, max_attempts, ...
-- Returns {'created', created_ms}; {'full', depth}; {'share', how many chunks of the owner wait}; {'replayed', id of the
--         first batch, fingerprint of its upload}; {'uploading', its id} while the first upload with that key is under way
local id, owner = ARGV[1], ARGV[2]
local now = now_ms()
local batch_idem = ARGV[3] ~= '' and P .. 'batch-idem:' .. owner .. ':' .. ARGV[3]
if batch_idem then
  local first = redis.call('HMGET', batch_idem, 'batch', 'fingerprint')
  local status = redis.call('HGET', batch_key(first[1] or ''), 'status')
  if status and first[2] then return { 'replayed', first[1], first[2] } end
  -- Without a fingerprint its upload goes on, or has come to nothing.
  if status == 'accepting' then
    local sign_of_life = redis.call('ZSCORE', P .. 'accepting', first[1])
    if sign_of_life and now - sign_of_life <= tonumber(ARGV[5]) then
      return { 'uploading', first[1] }
    end
    drop_upload(first[1], now)
    announce()
  end
end
local record = {}
for i = 6, #ARGV, 2 do record[ARGV[i]] = ARGV[i + 1] end
local refused = refusal(depth_of(record.queue), waiting_of(owner == '' and NONE or owner, record.queue), tonumber(ARGV[4]))
if refused then return refused end
redis.call('HSET', batch_key(id), 'status', 'accepting', 'owner', owner, 'created_ms', ms(now),
  'chunks', 0, 'chunks_ended', 0, 'rows_total', 0, 'rows_succeeded', 0, 'rows_failed', 0, 'rows_invalid', 0,
  'idem_key', batch_idem or '', 'max_waiting', ARGV[4], unpack(ARGV, 6))
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
