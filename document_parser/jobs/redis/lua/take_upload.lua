-- Let a request be the one that writes an upload, until it says otherwise or its lease ends.
-- ARGV: id, milliseconds of the lease
-- Returns the number of the holder; 0 if another request holds the upload, -1 if there is no such upload.
local id, lease = ARGV[1], tonumber(ARGV[2])
if redis.call('EXISTS', upload(id)) == 0 then return -1 end
local left = tonumber(redis.call('HGET', upload(id), 'held_until') or '0') - now()
-- A lease that is longer than any began before the clock was set back.
if left > 0 and left <= 600000 then return 0 end
redis.call('HSET', upload(id), 'held_until', string.format('%.0f', now() + lease))
return redis.call('HINCRBY', upload(id), 'holder', 1)
