-- Claim webhooks that are due, the one due longest first. ARGV: how many at most, milliseconds after which they are due again
-- Returns their names. If a deliverer dies with a claimed webhook, the webhook is due again by itself.
local found = {}
for _, name in ipairs(redis.call('ZRANGEBYSCORE', 'webhooks:due', '-inf', now(), 'LIMIT', 0, ARGV[1])) do
  local key, field = webhook_of(name)
  if redis.call('HEXISTS', key, field) == 1 then
    redis.call('ZADD', 'webhooks:due', now() + tonumber(ARGV[2]), name)
    found[#found + 1] = name
  else
    redis.call('ZREM', 'webhooks:due', name)
  end
end
return found
