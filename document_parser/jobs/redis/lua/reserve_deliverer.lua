-- Decide whether a deliverer of webhooks must be enqueued, and note it. ARGV: its RQ job id, key of its queue
-- Returns 1 if it must be enqueued, else 0.
if #redis.call('ZRANGEBYSCORE', 'webhooks:due', '-inf', now(), 'LIMIT', 0, 1) == 0 then return 0 end
-- A lease longer than any deliverer takes was taken before the clock was set back.
if redis.call('PTTL', 'webhooks:deliverer') > 60000 then redis.call('DEL', 'webhooks:deliverer') end
if redis.call('EXISTS', 'webhooks:deliverer') == 1 then return 0 end
local at, name = string.match(redis.call('GET', 'webhooks:rung') or '', '^(%d+)|(.+)$')
-- A deliverer that was enqueued just now may have left its queue while its task has not started.
if at and (math.abs(now() - tonumber(at)) < 5000 or redis.call('LPOS', ARGV[2], name)) then return 0 end
redis.call('SET', 'webhooks:rung', now() .. '|' .. ARGV[1])
return 1
