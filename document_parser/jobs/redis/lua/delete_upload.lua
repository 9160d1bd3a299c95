-- Delete the record of an upload. Its id is remembered for a while.
-- ARGV: id, milliseconds to remember it
local id = ARGV[1]
release_upload(id)
local owner = redis.call('HGET', upload(id), 'owner')
redis.call('DEL', upload(id))
redis.call('ZREM', 'uploads:expiring', id)
redis.call('SET', upload(id) .. ':gone', owner or '', 'PX', ARGV[2])
return 1
