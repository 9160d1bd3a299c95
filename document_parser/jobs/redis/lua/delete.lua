-- Delete a job with all its keys and its items in other keys. ARGV: job, owner, lane, text of its tombstone or '' for none, milliseconds
-- that the tombstone is kept, its keys ...
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
-- Read before its record is gone.
local at, quota = state(job), redis.call('HMGET', record(job), 'quota_day', 'quota_month', 'upload', 'quota_pages', 'pages_read')
local waits_for = redis.call('HGET', record(job), 'waits_for')
if waits_for then redis.call('LREM', 'job:' .. waits_for .. ':waiting', 0, job) end
gone = gone + redis.call('DEL', unpack(ARGV, 6))
-- Only now: a Redis that is full lets a script write once it has deleted something.
if ARGV[4] ~= '' then redis.call('SET', 'job:' .. job .. ':gone', ARGV[4], 'PX', ARGV[5]) end
note_history(table.concat({job, owner, redis.call('ZSCORE', 'jobs:' .. owner, job) or '0'}, '|'))
redis.call('ZREM', 'history:due', job)
if quota[2] and (at == 'queued' or at == 'processing') then
  free_place(owner, quota[3])
  count_document(owner, quota[1], quota[2], -1)
  count_quota(owner, 'pages_per_month', quota[1], quota[2], tonumber(quota[5] or '0') - tonumber(quota[4]))
end
redis.call('LREM', ready_jobs(lane, owner), 0, job)
for _, any_lane in ipairs(LANES) do forget_plan(any_lane, owner, job) end
for _, key in ipairs({'jobs:' .. owner, 'jobs:active', 'jobs:queued', 'jobs:expiring'}) do
  redis.call('ZREM', key, job)
end
redis.call('HDEL', 'forecast', job)
redis.call('ZREM', 'transfers:due', job .. '|fetch', job .. '|result')
redis.call('SREM', 'jobs:rereading', job)
redis.call('SREM', 'jobs:extracting', job)
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
