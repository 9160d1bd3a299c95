-- Remove the RQ job of a plan that a reader has claimed. ARGV: job, lane and RQ's queue of it ...
-- Returns 0 if a worker was faster.
local job, taken = ARGV[1], 0
for i = 2, #ARGV, 2 do
  taken = taken + redis.call('LREM', ARGV[i + 1], 1, job)
  forget_plan(ARGV[i], owner_of(job), job)
end
return taken
