-- uses base
-- Reads the history of one model over a stretch of minutes.
--
-- KEYS 1 key prefix
-- ARGV 1 model, 2 first minute (minutes since the Unix epoch), 3 how many
-- Returns {minute, {field, value, ...}, minute, {field, value, ...}, ...}, without the minutes in which nothing was
local result = {}
for minute = tonumber(ARGV[2]), ARGV[2] + ARGV[3] - 1 do
  local fields = redis.call('HGETALL', P .. 'minute:' .. ARGV[1] .. ':' .. string.format('%d', minute))
  if #fields > 0 then
    result[#result + 1] = minute
    result[#result + 1] = fields
  end
end
return result
