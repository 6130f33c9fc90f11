-- Writes the outcomes of a micro-batch, each only where its claim still holds the job.
--
-- KEYS 1 key prefix
-- ARGV 1 queue, 2 model version, 3 ms of feature preparation, 4 ms of prediction, 5 batch size, then six a job:
--      id, token, claim id, 'succeeded' or 'failed', error code ('' when succeeded), result as JSON or error message
-- Returns for each job 'committed' (now, or by this same call before), 'canceled' (its outcome was dropped), 'stale'
--         (nothing changed) or 'gone' (there is no record any more)
local now = now_ms()
local result = {}
local completed, model = 0, nil

local function is_written(job, status, code, message)
  return job.status == status and (status == 'succeeded' or (job.error_code == code and job.error_message == message))
end

for i = 6, #ARGV, 6 do
  local id, token, by, status, code, value = unpack(ARGV, i, i + 5)
  local job = load(id)
  if not job then
    result[#result + 1] = 'gone'
  elseif not holds(job, token, by) then
    result[#result + 1] = is_of_claim(job, token, by) and is_written(job, status, code, value) and 'committed' or 'stale'
  elseif job.status == 'canceling' then
    finish(id, job, 'canceled', now)
    result[#result + 1] = 'canceled'
  else
    if status == 'succeeded' then
      finish(id, job, status, now, 'result', value, 'model_version', ARGV[2], 'prepare_ms', ARGV[3],
        'predict_ms', ARGV[4], 'batch_size', ARGV[5])
    else
      finish(id, job, status, now, 'error_code', code, 'error_message', value, 'model_version', ARGV[2],
        'prepare_ms', ARGV[3], 'predict_ms', ARGV[4], 'batch_size', ARGV[5])
    end
    completed, model = completed + 1, job.model
    result[#result + 1] = 'committed'
  end
end
if completed > 0 then
  complete(ARGV[1], completed, now)
  tally(model, 'batches', 1)
  tally(model, 'batch_jobs', tonumber(ARGV[5]))
end
announce()
return result
