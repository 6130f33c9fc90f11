-- Accepts jobs of one queue, each by itself: its record as `queued`, its places in the indexes, its Idempotency-Key and
-- its first delivery in Bee-Queue's lists, or nothing at all of it. Several at a time cost little more than one.
--
-- KEYS 1 key prefix, 2 Bee-Queue's hash of the queue's jobs, 3 its list of those that wait
-- ARGV 1 model, 2 queue, 3 what Bee-Queue keeps of a delivery, 4 '1' where callers share the queue, then the words of
--      each job: how many follow, id, owner ('' = nobody), largest queue depth, '<caller>:<key>' of the idempotency key
--      ('' = none), fingerprint of the request body, ms until the job is too late in the queue ('' = never), request id
--      ('' = none), then field, value, ... of the record, stored as they are
-- Returns for each job {'created', created_ms, jobs that wait before it}; {'replayed', id of the first job};
--         {'mismatch'} when the key came with another body; {'full', depth}; {'share', how many of the owner wait}
local model, queue, is_shared = ARGV[1], ARGV[2], ARGV[4] == '1'
local now = now_ms()
local depth = redis.call('ZCARD', P .. 'queued:' .. queue)
local entries, deliveries = {}, {}
-- How many of each owner wait, these jobs included.
local waiting = {}

-- Its words are ARGV[at] to ARGV[last].
local function create(at, last)
  local id, owner, idem, fingerprint, late, request = ARGV[at], ARGV[at + 1], ARGV[at + 3], ARGV[at + 4], ARGV[at + 5],
    ARGV[at + 6]
  if idem ~= '' then
    local first, its_fingerprint = (redis.call('GET', idem_key(idem)) or ''):match('^(.+) (.*)$')
    if first and redis.call('EXISTS', job_key(first)) == 1 then
      if its_fingerprint ~= fingerprint then return { 'mismatch' } end
      return { 'replayed', first }
    end
  end
  waiting[owner] = waiting[owner] or waiting_of(owner, queue, is_shared)
  local refused = refusal(depth, waiting[owner], tonumber(ARGV[at + 2]))
  if refused then return refused end

  -- A microsecond apart: lists and windows over the queue go on after a time.
  local created = ms(now + #deliveries / 1000)
  redis.call('HSET', job_key(id), 'schema', SCHEMA, 'kind', 'single', 'status', 'queued', 'model', model,
    'queue', queue, 'owner', owner, 'token', 0, 'attempts', 0, 'delivery', 1, 'created_ms', created,
    unpack(ARGV, at + 7, last))
  put_in_queue(queue, created, id)
  if owner ~= '' then
    put(index_key(owner, model, 'queued'), created, id)
    redis.call('SADD', P .. 'owners', owner)
  end
  if late ~= '' then
    local deadline = ms(now + late)
    redis.call('HSET', job_key(id), 'queue_deadline_ms', deadline)
    redis.call('ZADD', P .. 'deadlines', deadline, id)
  end
  if request ~= '' then
    -- The newest thousand of an owner are found by their request id: some clients send the same one for ever.
    local requests = request_key(owner, request)
    redis.call('HSET', job_key(id), 'request_id', request)
    redis.call('ZADD', requests, created, id)
    redis.call('ZREMRANGEBYRANK', requests, 0, -1001)
    if newest_of(requests) == id then redis.call('PERSIST', requests) end
  end
  if idem ~= '' then
    redis.call('SET', idem_key(idem), id .. ' ' .. fingerprint)
    redis.call('HSET', job_key(id), 'idem', idem)
  end
  local delivery = id .. '.1'
  deliveries[#deliveries + 1] = delivery
  entries[#entries + 1], entries[#entries + 2] = delivery, ARGV[3]
  depth = depth + 1
  if waiting[owner] then waiting[owner] = waiting[owner] + 1 end
  return { 'created', created, depth - 1 }
end

local result = {}
local at = 5
while at <= #ARGV do
  local last = at + ARGV[at]
  result[#result + 1] = create(at + 1, last)
  at = last + 1
end

if #deliveries > 0 then
  call_with(entries, 'HSET', KEYS[2])
  call_with(deliveries, 'LPUSH', KEYS[3])
  count(model, 'submitted', #deliveries)
end
announce()
return result
