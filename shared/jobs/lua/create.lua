-- Accepts a job: its record as `queued`, its places in the indexes, and its Idempotency-Key, or nothing at all.
--
-- KEYS 1 key prefix
-- ARGV 1 id, 2 model, 3 queue, 4 owner ('' = nobody), 5 largest queue depth, 6 '<caller>:<key>' of the idempotency key ('' = none),
--      7 fingerprint of the request body, 8 life of the idempotency key in ms, 9 ms until the job is too late in
--      the queue ('' = never), 10 request id ('' = none), 11.. field, value, ... of the record, stored as they are
-- Returns {'created', created_ms, jobs that wait before it}; {'replayed', id of the first job}; {'mismatch'} when the
--         key came with another body; {'full', depth}
local id, model, queue, owner = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local idem_key = ARGV[6] ~= '' and P .. 'idem:' .. ARGV[6]

if idem_key then
  local first = redis.call('HMGET', idem_key, 'fingerprint', 'job')
  if first[1] and first[1] ~= ARGV[7] then return { 'mismatch' } end
  if first[2] and redis.call('EXISTS', job_key(first[2])) == 1 then return { 'replayed', first[2] } end
end

local depth = redis.call('ZCARD', P .. 'queued:' .. queue)
if depth >= tonumber(ARGV[5]) then return { 'full', depth } end

local now = now_ms()
local created = ms(now)
redis.call('HSET', job_key(id), 'schema', SCHEMA, 'kind', 'single', 'status', 'queued', 'model', model,
  'queue', queue, 'owner', owner, 'token', 0, 'attempts', 0, 'delivery', 1, 'created_ms', created,
  unpack(ARGV, 11))
redis.call('ZADD', P .. 'queued:' .. queue, created, id)
redis.call('ZADD', P .. 'index:all', created, id)
redis.call('HINCRBY', P .. 'counts', model .. ':submitted', 1)
local minute = minute_key(model, now)
if redis.call('HINCRBY', minute, 'submitted', 1) == 1 then redis.call('PEXPIRE', minute, HISTORY_MS) end
if owner ~= '' then
  redis.call('ZADD', P .. 'index:owner:' .. owner, created, id)
  redis.call('SADD', P .. 'owners', owner)
end
if ARGV[9] ~= '' then
  local deadline = ms(now + ARGV[9])
  redis.call('HSET', job_key(id), 'queue_deadline_ms', deadline)
  redis.call('ZADD', P .. 'deadlines', deadline, id)
end
if ARGV[10] ~= '' then
  -- The newest thousand of an owner are found by their request id: some clients send the same one for ever.
  local requests = request_key(owner, ARGV[10])
  redis.call('HSET', job_key(id), 'request_id', ARGV[10])
  redis.call('ZADD', requests, created, id)
  redis.call('ZREMRANGEBYRANK', requests, 0, -1001)
  if newest_of(requests) == id then redis.call('PERSIST', requests) end
end
if idem_key then
  redis.call('HSET', idem_key, 'fingerprint', ARGV[7], 'job', id)
  redis.call('PEXPIRE', idem_key, ARGV[8])
end
return { 'created', created, depth }
