-- A job has put something into the cache, or taken it out: deleting the job deletes it there too.
-- ARGV: job, key in storage, milliseconds to live, or '' for something that is there already
-- Returns 0 where the job is gone, or what it would take has expired: then nothing is remembered.
local job, key, ttl = ARGV[1], ARGV[2], tonumber(ARGV[3])
if not state(job) then return 0 end
if ttl then
  redis.call('ZADD', 'cache:expiring', now() + ttl, key)
elseif not cached(key) then
  return 0
end
redis.call('SADD', 'job:' .. job .. ':cached', key)
local left = redis.call('PTTL', record(job))
if left > 0 then redis.call('PEXPIRE', 'job:' .. job .. ':cached', left) end
return 1
