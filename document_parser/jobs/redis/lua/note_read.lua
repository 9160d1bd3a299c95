-- Note that the result of a job was read completely, and which upload may have to be deleted now. ARGV: job, job of the upload
-- Returns 1; 0 if the job is gone.
local job, root = ARGV[1], ARGV[2]
if not state(job) then return 0 end
redis.call('HSET', record(job), 'read', '1')
redis.call('SADD', 'jobs:read', root)
return 1
