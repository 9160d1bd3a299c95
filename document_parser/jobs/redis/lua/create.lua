-- Create a job within the bounds of the queue and its owner's quotas, once for each Idempotency-Key. All is written together.
-- ARGV: job, owner, created in seconds, status as JSON, password token or '', size in bytes,
-- Redis key of the Idempotency-Key or '', fingerprint of what came with it, milliseconds it is kept,
-- bounds of unfinished jobs, pages, bytes (0 for none), key of the document in the cache or '', batch or '', place in the batch,
-- entry of the batch as JSON, quotas as JSON {day, month, limits by quota, status of a refusal} or '' if nothing is counted,
-- id of the upload that the document came in, samples of the metrics as JSON, then fields and values of the record
-- Returns {'created', hit|miss|off|shared} (state of the cache; shared: another job is reading the document), {'replayed', job},
-- {'reused', job} (the key came with something else before), {'full', bound}, {'quota', its name, used, wanted}, {'exists', job}, or
-- {'gone', batch} (it takes no more jobs).
local job, owner, created, size = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[6])
local key, came_with, batch = ARGV[7], ARGV[8], ARGV[14]
local most = {jobs = tonumber(ARGV[10]), pages = tonumber(ARGV[11]), bytes = tonumber(ARGV[12])}

if redis.call('EXISTS', record(job)) == 1 then return {'exists', job} end
if key ~= '' then
  local held, with = string.match(redis.call('GET', key) or '', '^(.-)|(.*)$')
  if held and is_held(held) then return {with == came_with and 'replayed' or 'reused', held} end
end

local bound = broken_bound(most, 1, size)
if bound then return {'full', bound} end

-- A document inside another one shares the place of its upload; that of a file of a batch was taken when the batch was created.
local given, upload = ARGV[17] ~= '' and cjson.decode(ARGV[17]) or nil, ARGV[18]
local is_in_batch = batch ~= '' and upload == job
if given and not is_in_batch then
  local broken = broken_by_document(owner, upload, given)
  if broken then return broken end
end

if batch ~= '' and not join_batch(batch, ARGV[15], ARGV[16], job) then return {'gone', batch} end

redis.call('HSET', record(job), unpack(ARGV, 20))
if given then
  local is_taken = is_in_batch and redis.call('HEXISTS', places(owner), upload) == 1
  -- What was taken at the last minute of a day is given back to that day.
  if is_taken then given.day, given.month = batch_field(batch, 'quota_day'), batch_field(batch, 'quota_month') end
  take_quota(job, owner, upload, given, is_taken)
end
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
note_history(job)
tally_json(ARGV[19])
tally('jobs_created|' .. mode_and_format(job), 1)
local cache = find_reading(job, ARGV[13])
-- Of a document that has to be fetched, the cache is asked later.
if redis.call('HEXISTS', record(job), 'fetching') == 0 then tally('cache_lookups|' .. cache, 1) end
return {'created', cache}
