-- Takes deliveries out of Bee-Queue that are dealt with, as Bee-Queue does with those that it handed out itself.
--
-- KEYS 1 key prefix, 2 Bee-Queue's hash of the queue's jobs, 3 its list of those that workers took, 4 its set of those that
--      the next stall check would put back
-- ARGV transport ids
-- From the end at which the oldest are.
for _, entry in ipairs(ARGV) do redis.call('LREM', KEYS[3], -1, entry) end
call_with(ARGV, 'SREM', KEYS[4])
call_with(ARGV, 'HDEL', KEYS[2])
