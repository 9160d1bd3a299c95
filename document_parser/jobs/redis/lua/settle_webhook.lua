-- A webhook has been tried. ARGV: its name, state, webhook as JSON, milliseconds until it is due again
-- Returns 0 where the job is gone, somebody else has settled it, or something newer is to be told by now.
local name = ARGV[1]
local job, field = announced(name)
local kept, tried = load(record(job), field), cjson.decode(ARGV[3])
if not kept or kept.state ~= 'pending' then
  redis.call('ZREM', 'webhooks:due', name)
  return 0
end
if not same_news(kept, tried) then return 0 end
redis.call('HSET', record(job), field, ARGV[3])
if ARGV[2] == 'pending' then
  redis.call('ZADD', 'webhooks:due', now() + tonumber(ARGV[4]), name)
else
  redis.call('ZREM', 'webhooks:due', name)
end
if ARGV[2] == 'failed' then redis.call('ZADD', 'webhooks:failed', now_micros(), name) end
return 1
