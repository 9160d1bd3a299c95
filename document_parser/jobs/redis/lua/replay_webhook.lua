-- Make a webhook due at once. ARGV: its name, state and attempts as they were seen, webhook as JSON
-- Returns 1; 0 if the job is gone, or the delivery has changed since it was seen.
local name = ARGV[1]
local key, field = webhook_of(name)
local kept, again = load(key, field), cjson.decode(ARGV[4])
if not kept or kept.state ~= ARGV[2] or kept.attempts ~= tonumber(ARGV[3]) then return 0 end
if not is_same_event(kept, again) then return 0 end
redis.call('HSET', key, field, ARGV[4])
redis.call('ZREM', 'webhooks:failed', name)
redis.call('ZADD', 'webhooks:due', now(), name)
return 1
