-- Let an upload expire earlier than it would.
-- ARGV: id, milliseconds until it expires
-- Returns 1; 0 if it is gone or expires earlier anyway.
local id, milliseconds = ARGV[1], tonumber(ARGV[2])
local expires = redis.call('HGET', upload(id), 'expires')
if not expires or tonumber(expires) <= now() + milliseconds then return 0 end
expire_upload(id, ARGV[2])
return 1
