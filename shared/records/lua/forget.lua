-- uses base, jobs
-- Removes ended jobs and batches whose time is over: their entries in lists first, then the record.
--
-- KEYS 1 key prefix
-- ARGV 1 how many to look at
-- Returns how many were removed
local ends = P .. 'ends'
local ids = redis.call('ZRANGEBYSCORE', ends, '-inf', due(now_ms()), 'LIMIT', 0, ARGV[1])

local function forget_batch(id)
  local key = batch_key(id)
  local owner = redis.call('HGET', key, 'owner')
  take_out(P .. 'batches:all', id)
  if owner and owner ~= '' then take_out(P .. 'batches:owner:' .. owner, id) end
  redis.call('UNLINK', key, key .. ':in', key .. ':out', key .. ':invalid', key .. ':failed')
end

local function forget_job(id)
  local text = redis.call('GET', job_key(id))
  if not text then return end
  local job = parse(id, text)
  local status = text:match('\n(%S+)')
  if status then take_out(index_key(status, job.owner, job.model), id) end
  if job.request ~= NONE then
    take_out(P .. 'requests', job.owner .. ':' .. job.request .. '\0' .. job.created .. '\0' .. id)
  end
  redis.call('UNLINK', job_key(id), P .. 'in:' .. id)
end

for _, id in ipairs(ids) do
  local batch = id:match('^batch:(.+)$')
  if batch then forget_batch(batch) else forget_job(id) end
  take_out(ends, id)
end
write()
return #ids
