-- Delete a job with all its keys and its items in other keys. ARGV: job, owner, lane, its keys ...
-- Returns how many keys were deleted. Tasks that work on it have lost their claims, and check them at once.
local job, owner, lane = ARGV[1], ARGV[2], ARGV[3]
local gone = 0
settle_in_batch(job, 'deleted')
for _, page in ipairs(redis.call('HKEYS', pages(job))) do
  for _, turn in ipairs(tonumber(page) and {'0', '90', '180', '270'} or {}) do
    gone = gone + redis.call('DEL', 'pictures:' .. job .. '|' .. page .. '|' .. turn)
  end
end
-- Its entries in the cache are no hits from now on, and are deleted by the next sweep at the latest.
for _, key in ipairs(redis.call('SMEMBERS', 'job:' .. job .. ':cached')) do
  redis.call('ZADD', 'cache:expiring', 'XX', 0, key)
end
forget_reading(job)
local waits_for = redis.call('HGET', record(job), 'waits_for')
if waits_for then redis.call('LREM', 'job:' .. waits_for .. ':waiting', 0, job) end
gone = gone + redis.call('DEL', unpack(ARGV, 4))
redis.call('LREM', ready_jobs(lane, owner), 0, job)
for _, any_lane in ipairs(LANES) do forget_plan(any_lane, owner, job) end
for _, key in ipairs({'jobs:' .. owner, 'jobs:active', 'jobs:queued', 'jobs:expiring'}) do
  redis.call('ZREM', key, job)
end
redis.call('HDEL', 'forecast', job)
redis.call('ZREM', 'transfers:due', job .. '|fetch', job .. '|result')
redis.call('SREM', 'jobs:rereading', job)
redis.call('ZREM', 'jobs:deleting', job)
for _, name in ipairs(redis.call('ZRANGE', 'claims', 0, -1)) do
  if string.sub(name, 1, #job + 1) == job .. '|' then redis.call('ZREM', 'claims', name) end
end
for _, list in ipairs({'suspects', 'pictures'}) do
  for _, item in ipairs(redis.call('LRANGE', list, 0, -1)) do
    if string.sub(item, 1, #job + 1) == job .. '|' then redis.call('LREM', list, 0, item) end
  end
end
redis.call('INCR', 'jobs:endings')
return gone
