-- The ways on which a job leaves `queued`, `delayed` and `running`, and comes back.

-- Takes a job that waits from where it stands; false where it does not wait.
local function take_waiting(job)
  local lane, delayed = lane_key(job.queue, job.lane), P .. 'delayed:' .. job.queue
  if redis.call('ZREM', lane, job.id) == 0 and redis.call('ZREM', delayed, job.id) == 0 then return false end
  redis.call('ZREM', DEADLINES, job.id)
  count_waiting(job.queue, job.owner, -1)
  return true
end

-- Lets a job wait that waited before: under the virtual time that it had then, after `delay_ms` where given.
local function wait_again(job, hold, attempts, marks, delay_ms)
  if hold.by then
    redis.call('HSET', HOLDS, job.id, write_hold('= =', hold.started, attempts, hold.virtual, marks))
  end
  put(DEADLINES, due(attempts == 0 and job.deadline or job.late), job.id)
  count_waiting(job.queue, job.owner, 1)
  if delay_ms and delay_ms > 0 then
    put(P .. 'delayed:' .. job.queue, ms(now_ms() + delay_ms), job.id)
  else
    enqueue(job, hold.virtual, job.starts)
  end
end

-- Ends a job that waited too long. Of a chunk that is a failure of its rows: its batch goes on.
local function expire(job, hold, now)
  if not job.is_chunk then return finish(job, hold, 'expired', now) end
  finish(job, hold, 'failed', now,
    failure_of('expired', 'these rows waited for a worker longer than a job may wait (QUEUE_TTL_MS)'))
end

-- Ends jobs that wait and are too late, `most` at a time, and returns their ids, and how many were looked at.
local function expire_late(most)
  local now, late = now_ms(), {}
  local ids = redis.call('ZRANGEBYSCORE', DEADLINES, '-inf', due(now_ms()), 'LIMIT', 0, most)
  for _, id in ipairs(ids) do
    local job = load(id)
    if job and take_waiting(job) then
      expire(job, read_hold(redis.call('HGET', HOLDS, id)), now)
      late[#late + 1] = id
    else
      redis.call('ZREM', DEADLINES, id)
    end
  end
  return late, #ids
end

-- Lets jobs of a queue wait in their lanes whose time has come, `most` at a time; returns how many.
local function start_due(queue, most)
  local delayed = P .. 'delayed:' .. queue
  local ids = redis.call('ZRANGEBYSCORE', delayed, '-inf', ms(now_ms()), 'LIMIT', 0, most)
  for _, id in ipairs(ids) do
    local job = load(id)
    take_out(delayed, id)
    if job then enqueue(job, read_hold(redis.call('HGET', HOLDS, id)).virtual, job.starts) end
  end
  return #ids
end
