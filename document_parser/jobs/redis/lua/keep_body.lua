-- Store the body of a webhook before its first try. ARGV: key of its record, field of the record, body
-- Returns the stored body, which is the first one; '' if the record is gone.
local key, field = ARGV[1], ARGV[2]
if redis.call('EXISTS', key) == 0 then return '' end
redis.call('HSETNX', key, field, ARGV[3])
return redis.call('HGET', key, field)
