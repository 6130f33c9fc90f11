-- Lists the owners that have jobs or batches, and forgets those of whom nothing is left.
--
-- KEYS 1 key prefix
-- Returns the owners
local result = {}
for _, owner in ipairs(redis.call('SMEMBERS', P .. 'owners')) do
  local jobs = P .. 'index:owner:' .. owner
  local left = redis.call('EXISTS', jobs, jobs .. ':failed', jobs .. ':canceled', jobs .. ':expired',
    P .. 'batches:owner:' .. owner)
  if left > 0 then result[#result + 1] = owner else redis.call('SREM', P .. 'owners', owner) end
end
return result
