-- Chunks of batches: jobs of kind 'chunk', `<batch>:<number>`, that stand in no list.

local function chunk_id(batch, number)
  return batch .. ':' .. number
end

-- Makes the job of a chunk whose columns are stored. A strict batch's chunks were counted as waiting when they were sent.
local function start_chunk(batch, number, rows, now, is_counted)
  local v = redis.call('HMGET', batch_key(batch), 'owner', 'queue_ttl_ms', 'lane', 'weight', 'max_attempts', 'timeout_ms',
    'ttl_ms', 'model', 'chunk_about', 'chunk_request')
  local id, owner = chunk_id(batch, number), v[1] == '' and NONE or v[1]
  local line = table.concat({ '3', NONE, owner, ms(now), 0, v[2], NONE, v[3], rows, v[4], v[5], v[6], v[7], NONE, v[8],
    v[10], NONE, v[9], '{}' }, ' ')
  redis.call('SET', job_key(id), line)
  local job = parse(id, line)
  if not is_counted then count_waiting(job.queue, owner, 1) end
  put(DEADLINES, due(job.deadline), id)
  enqueue(job, nil, job.created)
  return job.queue
end

-- Ends a batch that has not ended, as canceled unless told otherwise: waiting chunks go, running ones are told. Returns
-- how many still run.
local function cancel_batch(id, now, state)
  local v = redis.call('HMGET', batch_key(id), 'chunks', 'queue', 'owner', 'strict')
  local chunks, queue, owner = tonumber(v[1]), v[2], v[3] == '' and NONE or v[3]
  local running = 0
  finish_batch(id, state or 'canceled', now)
  for number = 0, chunks - 1 do
    local chunk = chunk_id(id, number)
    local job = load(chunk)
    if job and take_waiting(job) then
      redis.call('DEL', job_key(chunk))
      clear(HOLDS, chunk)
    elseif job then
      running = running + 1
      redis.call('HSET', WISHES, chunk, 'cancel')
      redis.call('PUBLISH', P .. 'canceling', chunk)
    elseif v[4] == '1' and redis.call('ZREM', P .. 'held:' .. queue, chunk) == 1 then
      count_waiting(queue, owner, -1)
    end
  end
  return running
end

-- Ends a batch whose upload broke off or is not taken: its Idempotency-Key is free again, unless another batch has it by
-- now, and its values are gone. Returns how many chunks still run.
local function drop_upload(id, now, state)
  local key = batch_key(id)
  local running = cancel_batch(id, now, state)
  local idem = redis.call('HGET', key, 'idem_key')
  if idem ~= '' and redis.call('HGET', idem, 'batch') == id then redis.call('DEL', idem) end
  for _, suffix in ipairs({ ':out', ':invalid', ':failed' }) do redis.call('DEL', key .. suffix) end
  return running
end
