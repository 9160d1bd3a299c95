-- Create a job within the bounds of the queue, and once for each Idempotency-Key. Job and key are written together.
-- ARGV: job, owner, created in seconds, status as JSON, password token or '', size in bytes,
-- Redis key of the Idempotency-Key or '', fingerprint of what came with it, milliseconds it is kept,
-- bounds of unfinished jobs, pages, bytes (0 for none), key of the document in the cache or '', then fields and values of the record
-- Returns {'created', hit|miss|off|shared} (state of the cache; shared: another job is reading the document), {'replayed', job}, {'reused', job} (the key came with something else before), or {'full', bound}.
local job, owner, created, size = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[6])
local key, came_with, most = ARGV[7], ARGV[8], {jobs = tonumber(ARGV[10]), pages = tonumber(ARGV[11]), bytes = tonumber(ARGV[12])}

if key ~= '' then
  local held, with = string.match(redis.call('GET', key) or '', '^(.-)|(.*)$')
  -- A key whose job was deleted is free again.
  if held and redis.call('EXISTS', record(held), 'job:' .. held .. ':gone') > 0 then
    return {with == came_with and 'replayed' or 'reused', held}
  end
end

local unfinished = {
  jobs = redis.call('ZCARD', 'jobs:active') + 1,
  pages = tonumber(redis.call('HGET', 'load', 'pages') or '0') + 1,
  bytes = tonumber(redis.call('HGET', 'load', 'bytes') or '0') + size,
}
for _, what in ipairs({'jobs', 'pages', 'bytes'}) do
  if most[what] > 0 and unfinished[what] > most[what] then return {'full', what} end
end

redis.call('HSET', record(job), unpack(ARGV, 14))
redis.call('ZADD', 'jobs:' .. owner, created, job)
redis.call('ZADD', 'jobs:active', created, job)
redis.call('ZADD', 'jobs:queued', created, job)
redis.call('SET', 'job:' .. job .. ':status', ARGV[4])
event(job, 'job.queued')
if ARGV[5] ~= '' then redis.call('SET', 'job:' .. job .. ':password', ARGV[5]) end
if key ~= '' then
  redis.call('HSET', record(job), 'idempotency', key)
  redis.call('SET', key, job .. '|' .. came_with, 'PX', ARGV[9])
end
redis.call('HINCRBY', 'load', 'bytes', size)
return {'created', find_reading(job, ARGV[13])}
