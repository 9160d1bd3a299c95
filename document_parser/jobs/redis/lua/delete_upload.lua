-- Delete the record of an upload. Its id is remembered for a while.
-- ARGV: id, milliseconds to remember it
local id = ARGV[1]
release_upload(id)
redis.call('DEL', upload(id))
redis.call('ZREM', 'uploads:expiring', id)
redis.call('SET', upload(id) .. ':gone', '1', 'PX', ARGV[2])
return 1
