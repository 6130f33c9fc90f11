-- uses base, jobs
-- Extends the leases that a worker still holds.
--
-- KEYS 1 key prefix
-- ARGV 1 lease in ms, then two a job: id, '<token> <claim>'
-- Returns for each 'ok', 'canceling' (held, but nobody wants the result any more) or 'lost'
local lease = due(now_ms() + ARGV[1])
local ids, result = {}, {}
for i = 2, #ARGV, 2 do ids[#ids + 1] = ARGV[i] end
local holds, wishes = redis.call('HMGET', HOLDS, unpack(ids)), redis.call('HMGET', WISHES, unpack(ids))
for n, id in ipairs(ids) do
  if read_hold(holds[n]).by == ARGV[2 * n + 1] then
    put(RUNNING, lease, id)
    result[n] = wishes[n] and 'canceling' or 'ok'
  else
    result[n] = 'lost'
  end
end
write()
return result
