-- Writes the outcomes of a micro-batch, each only where its fencing token still holds.
--
-- KEYS 1 key prefix
-- ARGV 1 queue, 2 model version, 3 ms of feature preparation, 4 ms of prediction, 5 batch size, then five a job:
--      id, token, 'succeeded' or 'failed', error code ('' when succeeded), result as JSON or error message
-- Returns for each job 'committed', 'canceled' (its outcome was dropped) or 'stale' (nothing changed)
local now = now_ms()
local result = {}
local completed, model = 0, nil

for i = 6, #ARGV, 5 do
  local id, token, status = ARGV[i], tonumber(ARGV[i + 1]), ARGV[i + 2]
  local job = load(id)
  if not job or job.token ~= token or (job.status ~= 'running' and job.status ~= 'canceling') then
    result[#result + 1] = 'stale'
  elseif job.status == 'canceling' then
    finish(id, job, 'canceled', now)
    result[#result + 1] = 'canceled'
  else
    if status == 'succeeded' then
      finish(id, job, status, now, 'result', ARGV[i + 4], 'model_version', ARGV[2], 'prepare_ms', ARGV[3],
        'predict_ms', ARGV[4], 'batch_size', ARGV[5])
    else
      finish(id, job, status, now, 'error_code', ARGV[i + 3], 'error_message', ARGV[i + 4], 'model_version', ARGV[2],
        'prepare_ms', ARGV[3], 'predict_ms', ARGV[4], 'batch_size', ARGV[5])
    end
    completed, model = completed + 1, job.model
    result[#result + 1] = 'committed'
  end
end
if completed > 0 then
  -- Completions a second, for the estimate of waiting time: ten seconds are read back.
  local second = P .. 'done:' .. ARGV[1] .. ':' .. math.floor(now / 1000)
  redis.call('INCRBY', second, completed)
  redis.call('EXPIRE', second, 15)
  tally(model, 'batches', 1)
  tally(model, 'batch_jobs', tonumber(ARGV[5]))
end
announce()
return result
