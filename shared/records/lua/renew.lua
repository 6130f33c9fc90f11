-- Extends the leases that a worker still holds.
--
-- KEYS 1 key prefix
-- ARGV 1 lease in ms, 2.. three a job: id, token, claim id
-- Returns for each 'ok', 'canceling' (held, but nobody wants the result any more) or 'lost'
local lease_until = ms(now_ms() + ARGV[1])
local result = {}
for i = 2, #ARGV, 3 do
  local held = redis.call('HMGET', job_key(ARGV[i]), 'status', 'token', 'schema', 'claim')
  if held[3] == SCHEMA and held[2] == ARGV[i + 1] and held[4] == ARGV[i + 2] and (held[1] == 'running' or held[1] == 'canceling') then
    redis.call('ZADD', P .. 'running', 'XX', lease_until, ARGV[i])
    result[#result + 1] = held[1] == 'running' and 'ok' or 'canceling'
  else
    result[#result + 1] = 'lost'
  end
end
return result
