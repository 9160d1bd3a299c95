-- Store the state of the copy of a result in a bucket. ARGV: job, state, copy as JSON, milliseconds until it is due again,
-- the revision that it is of
-- Returns 1, or 0 if there is nothing to record: the job is gone, or has another revision meanwhile, which is due then.
local job = ARGV[1]
local name = job .. '|result'
if state(job) and (redis.call('HGET', record(job), 'revision') or '1') ~= ARGV[5] then
  put_result_again(job)
  return 0
end
if not state(job) or ARGV[2] ~= 'pending' then
  redis.call('ZREM', 'transfers:due', name)
else
  redis.call('ZADD', 'transfers:due', now() + tonumber(ARGV[4]), name)
end
if not state(job) then return 0 end
redis.call('HSET', record(job), 'result_s3', ARGV[3])
return 1
