-- Whether to call a deliverer of webhooks. ARGV: its RQ job id, key of its queue
-- Returns 1 where it is to be called.
if #redis.call('ZRANGEBYSCORE', 'webhooks:due', '-inf', now(), 'LIMIT', 0, 1) == 0 then return 0 end
-- A lease that outlasts any was taken before the clock was set back.
if redis.call('PTTL', 'webhooks:deliverer') > 60000 then redis.call('DEL', 'webhooks:deliverer') end
if redis.call('EXISTS', 'webhooks:deliverer') == 1 then return 0 end
local at, name = string.match(redis.call('GET', 'webhooks:rung') or '', '^(%d+)|(.+)$')
-- A bell that rang just now may have left its queue without its task having begun.
if at and (math.abs(now() - tonumber(at)) < 5000 or redis.call('LPOS', ARGV[2], name)) then return 0 end
redis.call('SET', 'webhooks:rung', now() .. '|' .. ARGV[1])
return 1
