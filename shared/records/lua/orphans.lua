-- Finds queued jobs that Bee-Queue does not hold: their enqueue was cut off by a crash. Looks at one window of the
-- queue, oldest first.
--
-- KEYS 1 key prefix, 2 Bee-Queue's hash of the queue's jobs
-- ARGV 1 queue, 2 created_ms from which to look ('-inf' = the oldest), 3 how many to look at, 4 least time in ms
--      since the job was created or put back, within which its enqueue may still arrive
-- Returns {created_ms from which to look next ('' = the window reached the end), id, delivery, id, delivery, ...}
--         to be put into Bee-Queue
local index = P .. 'queued:' .. ARGV[1]
local now = now_ms()
local newest = now - ARGV[4]
local flat = redis.call('ZRANGEBYSCORE', index, ARGV[2], ms(newest), 'WITHSCORES', 'LIMIT', 0, ARGV[3])
local result = { '' }
for i = 1, #flat, 2 do
  local id = flat[i]
  local job = load(id)
  if not job or (not job.unreadable and job.status ~= 'queued') then
    redis.call('ZREM', index, id)
  elseif not job.unreadable and (job.requeued_ms or 0) <= newest
    and redis.call('HEXISTS', KEYS[2], id .. '.' .. job.delivery) == 0 then
    result[#result + 1] = id
    result[#result + 1] = queue_again(id, job, job.attempts, now)
  end
end
if #flat / 2 == tonumber(ARGV[3]) then result[1] = flat[#flat] end
announce()
return result
