-- Queue a job again that failed because the virus scanner was away for too long, within the quotas of its owner.
-- ARGV: job, quotas as for create.lua, the job's card as JSON without a batch
-- Returns {'ok'}, {'missing'}, {'quota', its name, used, wanted}, or {the job's state} if it did not fail for that reason.
-- Its batch waits for it again, also one that has ended. Once that is gone, the job has none.
local job = ARGV[1]
local at = state(job)
if not at then return {'missing'} end
local failure = load(record(job), 'error')
if at ~= 'failed' or not failure or failure.code ~= 'VIRUS_SCAN_UNAVAILABLE' then return {at} end
-- Its failure gave back what it had taken.
local given, upload = ARGV[2] ~= '' and cjson.decode(ARGV[2]) or nil, redis.call('HGET', record(job), 'upload') or job
local broken = given and broken_by_document(owner_of(job), upload, given)
if broken then return broken end
redis.call('HSET', record(job), 'state', 'queued', 'fetching', 1)
redis.call('HDEL', record(job), 'error', 'complete', 'started_at', 'completed_at', 'expires_at')
local batch, place = unpack(redis.call('HMGET', record(job), 'batch', 'place'))
if batch and not reopen_batch(batch, place, job) then
  redis.call('HDEL', record(job), 'batch', 'place')
  redis.call('HSET', record(job), 'card', ARGV[3])
end
for _, suffix in ipairs({'', ':pages', ':stages', ':events', ':status', ':cached', ':rung', ':waiting'}) do
  redis.call('PERSIST', record(job) .. suffix)
end
redis.call('DEL', 'job:' .. job .. ':gone')
redis.call('ZREM', 'jobs:expiring', job)
local created = redis.call('ZSCORE', 'jobs:' .. owner_of(job), job) or now() / 1000
redis.call('ZADD', 'jobs:active', created, job)
redis.call('ZADD', 'jobs:queued', created, job)
redis.call('HINCRBY', 'load', 'bytes', redis.call('HGET', record(job), 'size') or 0)
if given then take_quota(job, owner_of(job), upload, given, false) end
event(job, 'job.queued')
return {'ok'}
