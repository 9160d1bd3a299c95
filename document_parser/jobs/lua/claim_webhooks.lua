-- Webhooks that are due, longest first. ARGV: how many at most, milliseconds after which they are due again
-- Returns jobs. Whoever claimed one and died has said nothing: it comes again by itself.
local found = {}
for _, job in ipairs(redis.call('ZRANGEBYSCORE', 'webhooks:due', '-inf', now(), 'LIMIT', 0, ARGV[1])) do
  if redis.call('HEXISTS', record(job), 'webhook') == 1 then
    redis.call('ZADD', 'webhooks:due', now() + tonumber(ARGV[2]), job)
    found[#found + 1] = job
  else
    redis.call('ZREM', 'webhooks:due', job)
  end
end
return found
