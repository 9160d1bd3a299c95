-- Create a batch within the bounds of the queue, and once for each Idempotency-Key. Its jobs are created afterwards.
-- ARGV: batch, created in seconds, number of its jobs, size of their documents in bytes, Redis key of the Idempotency-Key or '',
-- fingerprint of what came with it, milliseconds it is kept, bounds of unfinished jobs, pages, bytes (0 for none), number of fields,
-- fields and values of the record, then of everything in it: place, entry as JSON, job or '' if it was refused
-- Returns {'created'}, {'replayed', batch}, {'reused', batch}, {'full', bound}.
local batch, key = ARGV[1], ARGV[5]
if key ~= '' then
  local held, with = string.match(redis.call('GET', key) or '', '^(.-)|(.*)$')
  if held and is_held(held) then return {with == ARGV[6] and 'replayed' or 'reused', held} end
end
local most = {jobs = tonumber(ARGV[8]), pages = tonumber(ARGV[9]), bytes = tonumber(ARGV[10])}
local bound = broken_bound(most, tonumber(ARGV[3]), tonumber(ARGV[4]))
if bound then return {'full', bound} end

local first = 12 + 2 * tonumber(ARGV[11])
redis.call('HSET', batch_key(batch), 'state', 'processing', 'joined_at', now(), unpack(ARGV, 12, first - 1))
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
  else
    redis.call('HSET', batch_key(batch, ':outcomes'), place, 'refused|0|0')
  end
end
end_batch_if_done(batch)
return {'created'}
