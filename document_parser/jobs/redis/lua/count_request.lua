-- Count requests of an owner in a window, and tell what else decides on a document: its quotas, its processor time, and the load of
-- the queue. All of it is one round trip.
-- ARGV: owner, milliseconds of the window, requests to count, day, month
-- Returns {requests in the window, milliseconds left of it}, then what is used of each quota, in the order of QUOTAS, then
-- processor seconds spent, jobs that have not ended, pages left to read, bytes of uploads, and the pace of the forecast.
local key, span, left = 'requests:' .. ARGV[1], tonumber(ARGV[2]), -1
local count = tonumber(redis.call('GET', key) or '0')
if tonumber(ARGV[3]) > 0 or count > 0 then
  left = redis.call('PTTL', key)
  if tonumber(ARGV[3]) > 0 then count = redis.call('INCRBY', key, ARGV[3]) end
  -- A window that lasts longer than any began before the clock was set back.
  if left < 0 or left > span then
    left = span
    redis.call('PEXPIRE', key, left)
  end
end
local found = {count, left < 0 and span or left}
for _, quota in ipairs(QUOTAS) do found[#found + 1] = quota_used(ARGV[1], quota, ARGV[4], ARGV[5]) end
local pages, bytes = unpack(redis.call('HMGET', 'load', 'pages', 'bytes'))
local more = {redis.call('GET', 'spent:' .. ARGV[1]), redis.call('ZCARD', 'jobs:active'), pages, bytes, redis.call('HGET', 'forecast', '#pace')}
for i = 1, 5 do found[#found + 1] = more[i] or '0' end
return found
