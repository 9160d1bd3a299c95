-- Charge processor time of a job's document to its owner.
-- ARGV: job, seconds, the owner's budget in seconds (0: none), milliseconds of its window
-- Beyond the budget the job and its ready pages move to the lane 'batch'. Returns 1 if they have moved, else 0.
local job, most = ARGV[1], tonumber(ARGV[3])
local owner = redis.call('HGET', record(job), 'owner')
if not owner then return 0 end
local key = 'spent:' .. owner
local total = tonumber(redis.call('INCRBYFLOAT', key, ARGV[2]))
if redis.call('PTTL', key) < 0 then redis.call('PEXPIRE', key, ARGV[4]) end
if most == 0 or total <= most or state(job) ~= 'processing' or lane_of(job) == 'batch' then return 0 end
redis.call('LREM', ready_jobs(lane_of(job), owner), 0, job)
redis.call('HSET', record(job), 'lane', 'batch')
if redis.call('LLEN', ready_list(job)) > 0 then
  append_once(ready_jobs('batch', owner), job)
  append_once(ready_owners('batch'), owner)
end
return 1
