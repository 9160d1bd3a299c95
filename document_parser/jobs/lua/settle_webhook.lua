-- A webhook has been tried. ARGV: job, state, webhook as JSON, milliseconds until it is due again
-- Returns 0 where the job is gone, or somebody else has settled it.
local job = ARGV[1]
local kept = load(record(job), 'webhook')
if not kept or kept.state ~= 'pending' then
  redis.call('ZREM', 'webhooks:due', job)
  return 0
end
redis.call('HSET', record(job), 'webhook', ARGV[3])
if ARGV[2] == 'pending' then
  redis.call('ZADD', 'webhooks:due', now() + tonumber(ARGV[4]), job)
else
  redis.call('ZREM', 'webhooks:due', job)
end
if ARGV[2] == 'failed' then redis.call('ZADD', 'webhooks:failed', now_micros(), job) end
return 1
