-- uses base, jobs, order, calls, history, ends, moves, batches
-- Cancels what has not run of a batch. An upload that broke off or is not taken ends too, and frees its Idempotency-Key.
--
-- KEYS 1 key prefix
-- ARGV 1 id, 2 owner whose batches may be canceled ('*' = anybody's), 3 state in which such an upload ends, else ''
-- Returns 'canceled', 'canceling' (chunks still run; their results are dropped), 'ended' or 'gone'
local id = ARGV[1]
local v = redis.call('HMGET', batch_key(id), 'status', 'owner')
if not v[1] or (ARGV[2] ~= '*' and v[2] ~= ARGV[2]) then return 'gone' end
if v[1] ~= 'accepting' and v[1] ~= 'accepted' then return 'ended' end
local running = ARGV[3] == '' and cancel_batch(id, now_ms()) or drop_upload(id, now_ms(), ARGV[3])
announce()
return running > 0 and 'canceling' or 'canceled'
