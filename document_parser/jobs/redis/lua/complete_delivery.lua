-- Store the outcome of a try. ARGV: name of the webhook, state, webhook as JSON, milliseconds until it is due again
-- Returns 1; 0 if the job is gone, the delivery has ended already, or a newer event has replaced this one.
local name = ARGV[1]
local key, field = webhook_of(name)
local kept, tried = load(key, field), cjson.decode(ARGV[3])
if not kept or kept.state ~= 'pending' then
  redis.call('ZREM', 'webhooks:due', name)
  return 0
end
if not is_same_event(kept, tried) then return 0 end
redis.call('HSET', key, field, ARGV[3])
if ARGV[2] == 'pending' then
  redis.call('ZADD', 'webhooks:due', now() + tonumber(ARGV[4]), name)
else
  redis.call('ZREM', 'webhooks:due', name)
end
if ARGV[2] == 'failed' then redis.call('ZADD', 'webhooks:failed', now_micros(), name) end
return 1
