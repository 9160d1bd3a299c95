-- Choose the document of a lane that is planned next: owners take turns, and each owner's longest waiting document comes first.
-- ARGV: lane, RQ's queue of it, the document whose RQ job a worker has just taken from there, or '' to change nothing
-- Returns the chosen document, which the worker takes; the one it had taken waits in its place. '' if none waits.
local lane, queue, taken = ARGV[1], ARGV[2], ARGV[3]
local owners = plan_owners(lane)
local owner = redis.call('LINDEX', owners, 0)
while owner do
  local jobs = plan_jobs(lane, owner)
  local job = redis.call('LINDEX', jobs, 0)
  local at = job and job ~= taken and redis.call('LPOS', queue, job)
  if job and (at or job == taken) then
    if taken ~= '' then
      if at then redis.call('LSET', queue, at, taken) end
      forget_plan(lane, owner, job)
    end
    return job
  end
  -- Planned meanwhile, or all of the owner's are.
  if job then redis.call('LPOP', jobs) else redis.call('LPOP', owners) end
  owner = redis.call('LINDEX', owners, 0)
end
return taken ~= '' and taken or redis.call('LINDEX', queue, 0) or ''
