-- Bee-Queue calls workers and knows of no job: any call leads to a claim, so that a few of them are enough.
local MOST_CALLS = 64

-- What Bee-Queue keeps of a call, as its own save would write it. Its keys lie beside ours.
local function call_worker(queue, most)
  local bee = P .. 'bq:' .. queue .. ':'
  if redis.call('LLEN', bee .. 'waiting') >= (most or MOST_CALLS) then return end
  local name = 's' .. redis.call('INCR', P .. 'calls')
  redis.call('HSET', bee .. 'jobs', name, '{"data":{},"options":{"timestamp":' .. math.floor(now_ms())
    .. ',"stacktraces":[]},"status":"created","progress":0}')
  redis.call('LPUSH', bee .. 'waiting', name)
end
