-- What a webhook says, from its first try on. ARGV: job, field of its record, body
-- Returns the body that is kept, which is the first one; '' where the job is gone.
local job, field = ARGV[1], ARGV[2]
if not state(job) then return '' end
redis.call('HSETNX', record(job), field, ARGV[3])
return redis.call('HGET', record(job), field)
