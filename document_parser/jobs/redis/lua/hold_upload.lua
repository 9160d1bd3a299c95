-- Renew the lease of the request that writes an upload, or end it with 0 milliseconds.
-- ARGV: id, number of the holder, milliseconds of the lease
-- Returns 1; 0 if another request has taken the upload meanwhile, or it is gone.
local id, holder = ARGV[1], ARGV[2]
if redis.call('HGET', upload(id), 'holder') ~= holder then return 0 end
redis.call('HSET', upload(id), 'held_until', string.format('%.0f', now() + tonumber(ARGV[3])))
return 1
