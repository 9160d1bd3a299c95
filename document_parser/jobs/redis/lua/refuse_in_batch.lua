-- Note that a document of a batch has no job. ARGV: batch, place, entry as JSON with the reason, job that it would have had or ''
-- Returns 1; 0 if the place has an outcome already, or the batch has ended or is gone.
local batch, place, job = ARGV[1], ARGV[2], ARGV[4]
if batch_field(batch, 'state') ~= 'processing' then return 0 end
if redis.call('HEXISTS', batch_key(batch, ':outcomes'), place) == 1 then return 0 end
if job ~= '' and redis.call('EXISTS', record(job)) == 1 then return 0 end
redis.call('ZADD', batch_key(batch, ':places'), 0, place)
redis.call('HSET', batch_key(batch, ':entries'), place, ARGV[3])
redis.call('HSET', batch_key(batch, ':outcomes'), place, 'refused|0|0')
redis.call('SREM', batch_key(batch, ':open'), job)
settle_quota_in_batch(batch, job)
batch_event(batch, 'file.refused', 'place', place)
end_batch_if_done(batch)
return 1
