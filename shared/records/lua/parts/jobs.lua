-- The record of a job is a text. Line 1 is written when the job is accepted and never again: machine fields, each followed by
-- a space, then the input as JSON. Line 2 is added once, by the script that ends the job. Times but the creation are
-- written as ms since then.
local FIELDS = { 'version', 'apart', 'owner', 'created', 'starts', 'late', 'deadline', 'lane', 'rows', 'weight', 'max_attempts',
  'timeout', 'ttl', 'reply', 'model', 'request', 'idem', 'about' }
local LINE = '^' .. string.rep('(%S+) ', #FIELDS)

-- The id of a chunk is longer: it begins with that of its batch.
local UUID_LENGTH = 36

local HOLDS, WISHES, RUNNING, DEADLINES = P .. 'holds', P .. 'wishes', P .. 'running', P .. 'deadlines'

local function job_key(id)
  return P .. 'job:' .. id
end

-- Reads line 1. Texts stay texts, but for those that are reckoned with.
local function parse(id, text)
  local values = { text:match(LINE) }
  local job = { id = id, text = text, has_ended = text:find('\n', 1, true) ~= nil }
  for i, name in ipairs(FIELDS) do job[name] = values[i] end
  for _, name in ipairs({ 'rows', 'weight', 'max_attempts', 'ttl' }) do job[name] = tonumber(job[name]) end
  job.starts, job.late = job.created + job.starts, job.created + job.late
  job.deadline = job.deadline == NONE and job.late or job.created + job.deadline
  if job.lane == NONE then job.lane = 'normal' end
  job.is_chunk = job.rows ~= nil
  job.queue = job.is_chunk and job.model .. '.chunks' or job.model
  return job
end

-- What an Idempotency-Key, '<caller>:<key>', has made: the id of its job, or with commas between them what became of each entry
-- of a request for many, id or code of its problem; a space; fingerprint of the request.
local function key_of_idem(idem)
  return P .. 'key:' .. idem
end

-- The field `idem` of a job of many ends with this behind its key. How many of them have not ended stands beside the key.
local OF_MANY = ':*'
local function open_of_idem(idem)
  return key_of_idem(idem) .. ':open'
end

-- A job has ended: its key lives for so many ms more, that of many from the end of the last of them on.
local function leave_key(idem, ttl)
  if idem:sub(-#OF_MANY) == OF_MANY then
    idem = idem:sub(1, -#OF_MANY - 1)
    if redis.call('DECR', open_of_idem(idem)) > 0 then return end
    redis.call('DEL', open_of_idem(idem))
  end
  redis.call('PEXPIRE', key_of_idem(idem), ttl)
end

-- Lists of a caller's jobs of a model, by creation: 'open' ones, and those that ended by their state.
local function index_key(what, owner, model)
  return P .. 'index:' .. what .. ':' .. owner .. ':' .. model
end

local function batch_key(id)
  return P .. 'batch:' .. id
end

-- Whether the input stands apart, and whose the job is: asked of every job of a micro-batch, these are at fixed places.
local function is_input_apart(text) return text:byte(3) ~= NONE:byte() end
local function is_nobodys(text) return text:byte(5) == NONE:byte() and text:byte(6) == 32 end
local function owner_of(text) return text:match('^%S+', 5) end

-- nil where there is no record.
local function load(id)
  local text = redis.call('GET', job_key(id))
  return text and parse(id, text) or nil
end

-- What `holds` says of a job: token and claim id of who has it ('= =' once it was given back), since when, which attempt this is,
-- the virtual time that it had in its queue, and marks: 'a' = it is claimed by itself from now on, since an attempt went wrong
-- and it may be the one to blame; 'l' = this claim took no other job.
local NEVER_HELD = { attempts = 0, marks = '' }
local function read_hold(text)
  if not text then return NEVER_HELD end
  local by, started, attempts, virtual, marks = text:match('^(%S+ %S+) (%S+) (%S+) (%S+) (%a*)$')
  return { by = by, started = started, attempts = tonumber(attempts), virtual = virtual, marks = marks }
end

local function is_marked(hold, mark)
  return hold.marks:find(mark, 1, true) ~= nil
end

local function write_hold(by, started, attempts, virtual, marks)
  return by .. ' ' .. started .. ' ' .. attempts .. ' ' .. virtual .. ' ' .. marks
end

local function lane_key(queue, lane)
  return P .. 'queued:' .. queue .. ':' .. lane
end
-- Strict: a job of a lane waits for all those of the lanes before.
local LANES = { 'high', 'normal', 'low' }
