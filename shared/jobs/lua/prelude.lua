-- Put in front of every script of this folder by the loader.
--
-- KEYS[1] is the prefix of every key ("waggle:" after the configured key prefix). All other keys are made from it,
-- so that a hash tag in the prefix keeps them in one slot. Times are Unix milliseconds with three decimals and
-- come from Redis, never from a caller.
local P = KEYS[1]
local SCHEMA = '1'

local function now_ms()
  local time = redis.call('TIME')
  return time[1] * 1000 + time[2] / 1000
end

local function ms(number)
  return string.format('%.3f', number)
end

local function job_key(id)
  return P .. 'job:' .. id
end

local FIELDS = { 'schema', 'status', 'token', 'attempts', 'max_attempts', 'delivery', 'queue', 'model', 'owner',
  'created_ms', 'ttl_ms', 'request_id', 'queue_deadline_ms', 'kind' }

-- What a transition needs to know of a job. nil when there is no such record; a table with `unreadable` set when
-- another version wrote it: no script changes such a record.
local function load(id)
  local v = redis.call('HMGET', job_key(id), unpack(FIELDS))
  if not v[1] then return nil end
  if v[1] ~= SCHEMA then return { unreadable = true, status = 'unreadable' } end
  return {
    status = v[2], token = tonumber(v[3]), attempts = tonumber(v[4]), max_attempts = tonumber(v[5]),
    delivery = tonumber(v[6]), queue = v[7], model = v[8], owner = v[9], created_ms = tonumber(v[10]),
    ttl_ms = tonumber(v[11]), request_id = v[12], queue_deadline_ms = tonumber(v[13] or nil), kind = v[14],
  }
end

local function is_ended(status)
  return status == 'succeeded' or status == 'failed' or status == 'canceled' or status == 'expired'
end

-- Ids that ended in this run of the script, for announce().
local ended = {}

-- Ends a job: outcome fields, time to live, indexes, counters. The rest of the arguments are field, value, ...
local function finish(id, job, status, now, ...)
  local key = job_key(id)
  redis.call('HSET', key, 'status', status, 'finished_ms', ms(now), 'expires_ms', ms(now + job.ttl_ms), ...)
  redis.call('PEXPIRE', key, job.ttl_ms)
  if job.status == 'queued' then
    redis.call('ZREM', P .. 'queued:' .. job.queue, id)
    if job.queue_deadline_ms then redis.call('ZREM', P .. 'deadlines', id) end
  else
    redis.call('ZREM', P .. 'running', id)
  end
  ended[#ended + 1] = id
  if job.kind ~= 'single' then return end
  redis.call('HINCRBY', P .. 'counts', job.model .. ':' .. status, 1)
  if job.request_id then redis.call('PEXPIRE', P .. 'request:' .. job.request_id, job.ttl_ms) end
  if status ~= 'succeeded' then
    redis.call('ZADD', P .. 'index:all:' .. status, ms(job.created_ms), id)
    if job.owner ~= '' then
      redis.call('ZADD', P .. 'index:owner:' .. job.owner .. ':' .. status, ms(job.created_ms), id)
    end
  end
end

-- Puts a job that was running, or whose delivery got lost, back into the queue under a new delivery.
-- Returns the delivery; the caller hands it to Bee-Queue afterwards.
local function queue_again(id, job, attempts)
  local delivery = job.delivery + 1
  redis.call('HSET', job_key(id), 'status', 'queued', 'delivery', delivery, 'attempts', attempts)
  redis.call('ZREM', P .. 'running', id)
  redis.call('ZADD', P .. 'queued:' .. job.queue, ms(job.created_ms), id)
  if job.queue_deadline_ms and attempts == 0 then
    redis.call('ZADD', P .. 'deadlines', ms(job.queue_deadline_ms), id)
  end
  return delivery
end

-- Wakes whoever waits for a job that ended here: one message a script run, ids separated by commas.
local function announce()
  if #ended > 0 then redis.call('PUBLISH', P .. 'ended', table.concat(ended, ',')) end
end
