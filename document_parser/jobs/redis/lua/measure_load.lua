-- Measure what has not ended and what is left of it. Between two measurements jobs and pages are only added to the load.
-- ARGV: how many buckets of the pace are kept
-- Returns JSON {now, busy_since (0 if no page waits), jobs = list of [job, lane, owner, pages left or -1, state, job it waits for], pace = {bucket: pages}}.
local jobs, pages_left, bytes = {}, 0, 0
for _, job in ipairs(redis.call('ZRANGE', 'jobs:active', 0, -1)) do
  local facts = redis.call('HMGET', record(job), 'state', 'lane', 'owner', 'total', 'size', 'waits_for')
  local at, lane, owner, total, size, waits_for = unpack(facts)
  if at then
    local left = total and math.max(0, tonumber(total) - count(job, 'finished')) or -1
    pages_left = pages_left + math.max(0, left)
    bytes = bytes + tonumber(size or '0')
    jobs[#jobs + 1] = {job, lane or 'normal', owner or '', left, at, waits_for or ''}
  end
end
redis.call('HSET', 'load', 'pages', pages_left, 'bytes', bytes)

-- Only while pages wait does the time that pages take show what the service can do.
-- A time in the future was noted before the clock was set back.
if tonumber(redis.call('HGET', 'load', 'busy_since') or '0') > now() then redis.call('HDEL', 'load', 'busy_since') end
if anything_ready() then redis.call('HSETNX', 'load', 'busy_since', now())
else redis.call('HDEL', 'load', 'busy_since') end

local newest = math.floor(now() / PACE_MILLISECONDS)
local oldest, pace = newest - tonumber(ARGV[1]), {}
local told = redis.call('HGETALL', 'pace')
for i = 1, #told, 2 do
  if tonumber(told[i]) < oldest or tonumber(told[i]) > newest then redis.call('HDEL', 'pace', told[i]) else pace[told[i]] = tonumber(told[i + 1]) end
end
return cjson.encode({now = now(), busy_since = tonumber(redis.call('HGET', 'load', 'busy_since') or '0'), jobs = jobs, pace = pace})
