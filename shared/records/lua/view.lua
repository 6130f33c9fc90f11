-- uses base, jobs, order
-- Reads jobs that had not ended when their records were read last.
--
-- KEYS 1 key prefix
-- ARGV 1 '1' to read inputs that stand apart, too, then ids
-- Returns six a job: its record ('' = there is none), what `holds` has of it (''), 'canceling' or 'running' while it runs, else
--         'queued', how many are before it ('' = it does not wait in its lane), when it falls due (''), its input where that
--         stands apart ('')
local result = {}
for at = 2, #ARGV do
  local id = ARGV[at]
  local text = redis.call('GET', job_key(id)) or ''
  local hold, state, place, due, input = '', 'queued', '', '', ''
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
  if ARGV[1] == '1' and job and job.apart ~= NONE then input = redis.call('GET', P .. 'in:' .. id) or '' end
  for _, word in ipairs({ text, hold, state, place, due, input }) do result[#result + 1] = word end
end
return result
