-- Let no more jobs into a batch, since it is cancelled or deleted. ARGV: batch, 1 if it is deleted, else 0
-- Returns the jobs that have not ended.
local batch = ARGV[1]
if redis.call('EXISTS', batch_key(batch)) == 0 then return {} end
redis.call('HSET', batch_key(batch), 'closing', '1')
if ARGV[2] == '1' then redis.call('HSET', batch_key(batch), 'deleting', '1') end
return redis.call('SMEMBERS', batch_key(batch, ':open'))
