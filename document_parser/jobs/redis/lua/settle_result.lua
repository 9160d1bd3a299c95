-- Store the state of the copy of a result in a bucket. ARGV: job, state, copy as JSON, milliseconds until it is due again
-- Returns 1, or 0 if the job is gone.
local job = ARGV[1]
local name = job .. '|result'
if not state(job) or ARGV[2] ~= 'pending' then
  redis.call('ZREM', 'transfers:due', name)
else
  redis.call('ZADD', 'transfers:due', now() + tonumber(ARGV[4]), name)
end
if not state(job) then return 0 end
redis.call('HSET', record(job), 'result_s3', ARGV[3])
return 1
