-- Processor time that a job's document has taken. ARGV: job, seconds, the owner's budget (0: none), milliseconds of its window.
-- Beyond the budget the job goes to the lane of those that may wait, with its ready pages. Returns 1 where it has.
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
  stand_in_line(ready_jobs('batch', owner), job)
  stand_in_line(ready_owners('batch'), owner)
end
return 1
