-- uses base, jobs, order, calls, history, ends
-- Accepts groups of jobs, each group as a whole: for each job its record, its place in the order and in the indexes, for the group
-- its Idempotency-Key, and a call of a worker for each queue; or nothing at all of the group. Several at a time cost little
-- more than one.
--
-- KEYS 1 key prefix
-- ARGV of each group: how many jobs, Idempotency-Key as '<caller>:<key>' ('=' without one), fingerprint of the request body,
--      what the key makes (see key_of_idem), 1 where that is many; then twelve a job, all of one owner: id, line 1 of its record,
--      largest queue depth, its input where that stands apart, and of line 1, as scripts read it: owner, creation, start, when
--      it is too late, lane, weight, model, request id
-- Returns for each group {'created', for each job: jobs that wait before it, depth of its queue}; {'replayed', what the key has
--         made}; {'mismatch'} when the key came with another body; {'full', depth, model}; {'share', how many of the owner
--         wait, model}. A group without jobs only asks for its key.
local now = now_ms()
local HEAD, WORDS = 5, 12
local depths, owners, created, result = {}, {}, {}, {}

-- The jobs of a group, from ARGV[at] on; or why one of them finds no room once those before it have their places.
local function jobs_with_room(count, at)
  local jobs, taken = {}, {}
  for i = 1, count do
    local p = at + WORDS * (i - 1)
    -- To parse the line would take a third of the time of the whole.
    local job = { id = ARGV[p], text = ARGV[p + 1], input = ARGV[p + 3], owner = ARGV[p + 4], created = ARGV[p + 5],
      starts = tonumber(ARGV[p + 6]), deadline = ARGV[p + 7], lane = ARGV[p + 8], weight = tonumber(ARGV[p + 9]),
      model = ARGV[p + 10], request = ARGV[p + 11], queue = ARGV[p + 10] }
    local queue, most = job.queue, tonumber(ARGV[p + 2])
    depths[queue] = depths[queue] or depth_of(queue)
    local before, own = taken[queue] or 0, waiting_of(job.owner, queue)
    local refused = refusal(depths[queue] + before, own and own + before, most)
    if refused then return nil, { refused[1], refused[2], job.model } end
    taken[queue] = before + 1
    jobs[i] = job
  end
  return jobs
end

local function write_job(job)
  local id, queue, owner, model = job.id, job.queue, job.owner, job.model
  redis.call('SET', job_key(id), job.text)
  if job.input ~= '' then redis.call('SET', P .. 'in:' .. id, job.input) end
  put(index_key('open', owner, model), us(job.created), id)
  if job.request ~= NONE then put(P .. 'requests', 0, owner .. ':' .. job.request .. '\0' .. job.created .. '\0' .. id) end
  if owner ~= NONE and not owners[owner] then
    redis.call('SADD', P .. 'owners', owner)
    owners[owner] = true
  end
  put(DEADLINES, job.deadline, id)
  count_waiting(queue, owner, 1)
  -- Its creation may be ahead of this clock by a little.
  local is_delayed = job.starts > math.max(now, tonumber(job.created))
  if is_delayed then put(P .. 'delayed:' .. queue, ms(job.starts), id) else enqueue(job, nil, job.created) end
  depths[queue] = depths[queue] + 1
  count(model, 'submitted', 1)
end

local function accept(at)
  local number, idem, fingerprint, makes = tonumber(ARGV[at]), ARGV[at + 1], ARGV[at + 2], ARGV[at + 3]
  local is_many = ARGV[at + 4] == '1'
  local first, its_fingerprint = made_by(idem)
  if first then return its_fingerprint == fingerprint and { 'replayed', first } or { 'mismatch' } end
  local jobs, refused = jobs_with_room(number, at + HEAD)
  if refused then return refused end
  for _, job in ipairs(jobs) do write_job(job) end
  if number > 0 and idem ~= NONE then take_key(idem, makes .. ' ' .. fingerprint, is_many and number) end
  local answer = { 'created' }
  created[#created + 1] = { jobs = jobs, answer = answer }
  return answer
end

local at = 1
while at <= #ARGV do
  result[#result + 1] = accept(at)
  at = at + HEAD + WORDS * ARGV[at]
end
announce()
local called = {}
for _, group in ipairs(created) do
  for _, job in ipairs(group.jobs) do
    if not called[job.queue] then call_worker(job.queue) end
    called[job.queue] = true
    add(group.answer, place_of(job) or 0)
    add(group.answer, depths[job.queue])
  end
end
return result
