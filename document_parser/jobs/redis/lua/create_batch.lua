-- Create a batch within the bounds of the queue and its owner's quotas, once for each Idempotency-Key. Its jobs are created
-- afterwards; their places and documents are taken now.
-- ARGV: batch, created in seconds, number of its jobs, size of their documents in bytes, Redis key of the Idempotency-Key or '',
-- fingerprint of what came with it, milliseconds it is kept, bounds of unfinished jobs, pages, bytes (0 for none),
-- owner, quotas as for create.lua, number of fields, fields and values of the record, then of everything in it: place, entry as JSON, job or '' if it was refused
-- Returns {'created'}, {'replayed', batch}, {'reused', batch}, {'full', bound}, {'quota', its name, used, wanted}.
local batch, key = ARGV[1], ARGV[5]
if key ~= '' then
  local held, with = string.match(redis.call('GET', key) or '', '^(.-)|(.*)$')
  if held and is_held(held) then return {with == ARGV[6] and 'replayed' or 'reused', held} end
end
local most = {jobs = tonumber(ARGV[8]), pages = tonumber(ARGV[9]), bytes = tonumber(ARGV[10])}
local bound = broken_bound(most, tonumber(ARGV[3]), tonumber(ARGV[4]))
if bound then return {'full', bound} end
local owner, given, jobs = ARGV[11], ARGV[12] ~= '' and cjson.decode(ARGV[12]) or nil, tonumber(ARGV[3])
if given then
  local more = {concurrent_jobs = jobs, documents_per_day = jobs, documents_per_month = jobs, pages_per_month = jobs}
  local broken = broken_quota(owner, given, more)
  if broken then return broken end
end

local first = 14 + 2 * tonumber(ARGV[13])
redis.call('HSET', batch_key(batch), 'state', 'processing', 'joined_at', now(), unpack(ARGV, 14, first - 1))
if given then
  redis.call('HSET', batch_key(batch), 'quota_day', given.day, 'quota_month', given.month)
  count_document(owner, given.day, given.month, jobs)
  count_quota(owner, 'pages_per_month', given.day, given.month, jobs)
end
redis.call('ZADD', 'batches:active', ARGV[2], batch)
if key ~= '' then
  redis.call('HSET', batch_key(batch), 'idempotency', key)
  redis.call('SET', key, batch .. '|' .. ARGV[6], 'PX', ARGV[7])
end
batch_event(batch, 'batch.queued')
for i = first, #ARGV, 3 do
  local place, job = ARGV[i], ARGV[i + 2]
  redis.call('ZADD', batch_key(batch, ':places'), 0, place)
  redis.call('HSET', batch_key(batch, ':entries'), place, ARGV[i + 1])
  if job ~= '' then
    redis.call('SADD', batch_key(batch, ':open'), job)
    if given then take_place(owner, job) end
  else
    redis.call('HSET', batch_key(batch, ':outcomes'), place, 'refused|0|0')
  end
end
end_batch_if_done(batch)
return {'created'}
