-- uses base, jobs, order, calls, history, ends
-- Accepts jobs, each by itself: its record, its place in the order and in the indexes, its Idempotency-Key and a call of a worker,
-- or nothing at all of it. Several at a time cost little more than one.
--
-- KEYS 1 key prefix
-- ARGV five a job: id, line 1 of its record, largest queue depth, fingerprint of the request body ('' without an
--      Idempotency-Key), its input where that stands apart
-- Returns for each job {'created', jobs that wait before it, depth of its queue}; {'replayed', id of the first job};
--         {'mismatch'} when the key came with another body; {'full', depth}; {'share', how many of the owner wait}
local now = now_ms()
local depths, owners, created, result = {}, {}, {}, {}

local function accept(id, line, most, fingerprint, input)
  local job = parse(id, line)
  local queue, owner, model = job.queue, job.owner, job.model
  if job.idem ~= NONE then
    local first, its_fingerprint = (redis.call('GET', key_of_idem(job.idem)) or ''):match('^(.+) (.*)$')
    if first and redis.call('EXISTS', job_key(first)) == 1 then
      if its_fingerprint ~= fingerprint then return { 'mismatch' } end
      return { 'replayed', first }
    end
  end
  depths[queue] = depths[queue] or depth_of(queue)
  local refused = refusal(depths[queue], waiting_of(owner, queue), tonumber(most))
  if refused then return refused end

  redis.call('SET', job_key(id), line)
  if job.apart ~= NONE then redis.call('SET', P .. 'in:' .. id, input) end
  put(index_key('open', owner, model), job.created, id)
  if job.request ~= NONE then put(P .. 'requests', 0, owner .. ':' .. job.request .. '\0' .. job.created .. '\0' .. id) end
  if job.idem ~= NONE then redis.call('SET', key_of_idem(job.idem), id .. ' ' .. fingerprint) end
  if owner ~= NONE and not owners[owner] then
    redis.call('SADD', P .. 'owners', owner)
    owners[owner] = true
  end
  put(DEADLINES, ms(job.deadline), id)
  count_waiting(queue, owner, 1)
  -- Its creation may be ahead of this clock by a little.
  local is_delayed = job.starts > math.max(now, job.created)
  if is_delayed then put(P .. 'delayed:' .. queue, ms(job.starts), id) else enqueue(job, nil, job.created) end
  depths[queue] = depths[queue] + 1
  count(model, 'submitted', 1)
  created[#created + 1] = job
  local answer = { 'created', 0, 0 }
  job.answer = answer
  return answer
end

for i = 1, #ARGV, 5 do result[#result + 1] = accept(unpack(ARGV, i, i + 4)) end
announce()
local called = {}
for _, job in ipairs(created) do
  if not called[job.queue] then call_worker(job.queue) end
  called[job.queue] = true
  job.answer[2] = place_of(job) or 0
  job.answer[3] = depths[job.queue]
end
return result
