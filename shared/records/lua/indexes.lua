-- Lists the time indexes that hold anything of everybody's ('*') or of an owner, and forgets an owner of whom nothing is left.
--
-- KEYS 1 key prefix
-- ARGV '*' or an owner, ...
-- Returns names of indexes, without the prefix
local result = {}

for _, owner in ipairs(ARGV) do
  local before = #result
  local function add(key)
    if redis.call('EXISTS', key) == 1 then result[#result + 1] = key:sub(#P + 1) end
  end
  for _, model in ipairs(known_models()) do
    for _, state in ipairs({ 'queued', 'running', 'canceling', 'succeeded', 'failed', 'canceled', 'expired' }) do
      add(index_key(owner, model, state))
    end
  end
  add(P .. (owner == '*' and 'batches:all' or 'batches:owner:' .. owner))
  if #result == before then redis.call('SREM', P .. 'owners', owner) end
end
return result
