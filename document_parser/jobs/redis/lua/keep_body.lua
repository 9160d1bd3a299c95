-- Store the body of a webhook before its first try. ARGV: job, field of its record, body
-- Returns the stored body, which is the first one; '' if the job is gone.
local job, field = ARGV[1], ARGV[2]
if not state(job) then return '' end
redis.call('HSETNX', record(job), field, ARGV[3])
return redis.call('HGET', record(job), field)
