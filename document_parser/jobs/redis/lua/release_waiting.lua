-- Release jobs that wait for another to read the same document, once that has ended. If the cache has its pages, they are copied;
-- else the first job reads, and the others wait for it. A document that was completed and yet is not in the cache cannot be
-- shared: then each job reads it itself.
-- ARGV: the job they wait for, jobs that may wait for it ...
-- Returns the jobs to be planned now.
local released, first, each = {}, nil, state(ARGV[1]) == 'completed'
for i = 2, #ARGV do
  local job = ARGV[i]
  local waits_for, key = unpack(redis.call('HMGET', record(job), 'waits_for', 'cache_key'))
  local at = state(job)
  -- A document that had to be fetched waits while its job is processing already.
  if (at == 'queued' or at == 'processing') and waits_for == ARGV[1] then
    if cached(key) then
      redis.call('HDEL', record(job), 'waits_for')
      redis.call('HSET', record(job), 'cache', 'hit')
      released[#released + 1] = job
    elseif each or not first then
      first = job
      redis.call('HDEL', record(job), 'waits_for', 'shared')
      redis.call('SET', 'reading:' .. key, job, 'PX', READING_MILLISECONDS)
      released[#released + 1] = job
    else
      wait_for(job, first)
    end
  end
end
return released
