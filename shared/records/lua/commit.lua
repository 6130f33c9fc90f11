-- uses base, jobs, order, history, ends
-- Writes the outcomes of a micro-batch, or the failure of a chunk, each only where its claim still holds the job. Repeated, it
-- writes nothing twice.
--
-- KEYS 1 key prefix
-- ARGV 1 queue, 2 jobs in the micro-batch, then twelve a job: id, '<token> <claim> ', owner, model, created, time to live, API
--      process to be told, Idempotency-Key, whether its input stands apart, start, state, and the fields of line 2 behind the
--      time of the end
-- Returns for each job 'committed' (now, or by this same claim before), 'canceled' (its outcome was dropped), 'stale' (nothing
--         changed) or 'gone' (there is no record any more)
local WORDS = 12
local queue, size = ARGV[1], tonumber(ARGV[2])
local now = now_ms()
local ids, result, completed, model = {}, {}, 0, nil
for i = 3, #ARGV, WORDS do ids[#ids + 1] = ARGV[i] end
local keys = {}
for n, id in ipairs(ids) do keys[n] = job_key(id) end
local texts = redis.call('MGET', unpack(keys))
local holds, wishes = redis.call('HMGET', HOLDS, unpack(ids)), redis.call('HMGET', WISHES, unpack(ids))

local function commit(at, text, hold, wish)
  local id = ARGV[at]
  local job = text and id:find(':', 1, true) and parse(id, text) or { text = text, id = id, owner = ARGV[at + 2],
    model = ARGV[at + 3], created = ARGV[at + 4], ttl = tonumber(ARGV[at + 5]), reply = ARGV[at + 6], idem = ARGV[at + 7],
    apart = ARGV[at + 8] }
  local by, started, status = ARGV[at + 1], ARGV[at + 9], ARGV[at + 10]
  if not hold or hold:sub(1, #by) ~= by then
    if not text then return 'gone' end
    -- Where the sweeper ended it there is no model version behind the claim.
    return text:find('\n' .. status .. ' %S+ %S+ %S+ ' .. by:gsub('%p', '%%%0') .. '[^=]') and 'committed' or 'stale'
  end
  take_out(RUNNING, job.id)
  if not text then
    clear(HOLDS, job.id)
    clear(WISHES, job.id)
    return 'gone'
  end
  if wish then
    finish_unrun(job, read_hold(hold), 'canceled', now)
    return 'canceled'
  end
  finish(job, status, now, started, ARGV[at + 11])
  completed, model = completed + 1, job.model
  return 'committed'
end

for n, _ in ipairs(ids) do
  result[n] = commit(3 + WORDS * (n - 1), texts[n], holds[n], wishes[n])
end
if completed > 0 then
  complete(queue, completed)
  tally(model, 'batches', 1)
  tally(model, 'batch_jobs', size)
end
announce()
return result
