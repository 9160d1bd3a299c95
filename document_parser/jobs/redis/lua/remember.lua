-- Note that a job has put an entry into the cache or used one, so that deleting the job deletes the entry too.
-- ARGV: job, key in storage, milliseconds to live, or '' for an entry that exists already
-- Returns 1; 0 if the job is gone or the entry has expired: then nothing is noted.
local job, key, ttl = ARGV[1], ARGV[2], tonumber(ARGV[3])
if not state(job) then return 0 end
local left = redis.call('PTTL', record(job))
if ttl and left > 0 and left < ttl and redis.call('HEXISTS', record(job), 'retention_hours') == 1 then ttl = left end
if ttl then
  redis.call('ZADD', 'cache:expiring', now() + ttl, key)
elseif not cached(key) then
  return 0
end
redis.call('SADD', 'job:' .. job .. ':cached', key)
if left > 0 then redis.call('PEXPIRE', 'job:' .. job .. ':cached', left) end
return 1
