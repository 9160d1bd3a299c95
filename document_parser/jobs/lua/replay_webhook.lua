-- A webhook is to be delivered at once. ARGV: job, state and attempts as they were seen, webhook as JSON
-- Returns 0 where the job is gone, or the delivery has gone on since it was seen.
local job = ARGV[1]
local kept = load(record(job), 'webhook')
if not kept or kept.state ~= ARGV[2] or kept.attempts ~= tonumber(ARGV[3]) then return 0 end
redis.call('HSET', record(job), 'webhook', ARGV[4])
redis.call('ZREM', 'webhooks:failed', job)
redis.call('ZADD', 'webhooks:due', now(), job)
return 1
