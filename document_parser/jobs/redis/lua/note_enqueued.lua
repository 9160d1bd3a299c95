-- Note that a stage of a job is being enqueued. ARGV: job, stage
-- Returns 1, or 0 if the job is gone. The note expires with the job: end.lua sets that for a note made before the end.
local job = ARGV[1]
if not state(job) then return 0 end
redis.call('HSET', 'job:' .. job .. ':rung', ARGV[2], now())
local left = redis.call('PTTL', record(job))
if ARGV[2] == 'plan' then
  local lane, owner = lane_of(job), owner_of(job)
  append_once(plan_jobs(lane, owner), job)
  append_once(plan_owners(lane), owner)
end
if left > 0 then redis.call('PEXPIRE', 'job:' .. job .. ':rung', left) end
return 1
