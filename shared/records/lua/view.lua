-- uses base, jobs, order
-- Reads jobs that had not ended when their records were read last.
--
-- KEYS 1 key prefix
-- ARGV ids
-- Returns five a job: its record ('' = there is none), what `holds` has of it (''), 'canceling' or 'running' while it runs, else
--         'queued', how many are before it ('' = it does not wait in its lane), when it falls due ('')
local result = {}
for _, id in ipairs(ARGV) do
  local text = redis.call('GET', job_key(id)) or ''
  local hold, state, place, due = '', 'queued', '', ''
  local job = text ~= '' and parse(id, text)
  if job and not job.has_ended then
    hold = redis.call('HGET', HOLDS, id) or ''
    if redis.call('ZSCORE', RUNNING, id) then
      state = redis.call('HEXISTS', WISHES, id) == 1 and 'canceling' or 'running'
    else
      place = place_of(job) or ''
      due = place == '' and redis.call('ZSCORE', P .. 'delayed:' .. job.queue, id) or ''
    end
  end
  for _, word in ipairs({ text, hold, state, place, due }) do result[#result + 1] = word end
end
return result
