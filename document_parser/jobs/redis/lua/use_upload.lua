-- Note that a job has the document of an upload: it counts no more, and expires soon.
-- ARGV: id, milliseconds until it expires
-- Returns 1; 0 if it is gone or was used before.
local id = ARGV[1]
local used = redis.call('HGET', upload(id), 'used')
if not used or used == '1' then return 0 end
release_upload(id)
redis.call('HSET', upload(id), 'used', '1')
if tonumber(redis.call('HGET', upload(id), 'expires')) > now() + tonumber(ARGV[2]) then expire_upload(id, ARGV[2]) end
return 1
