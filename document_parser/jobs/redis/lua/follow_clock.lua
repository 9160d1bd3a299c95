-- Shift heartbeats, deadlines and due times by a jump of the clock, so that they are as far away as before.
-- ARGV: milliseconds of the jump. Returns 1, or 0 if another sweeper has done it.
-- Heartbeats that came after the jump may move into the future. That does no harm, since living actors beat again.
-- Every sweeper sees the jump: the first one shifts the times.
if redis.call('PTTL', 'sweep:jumped') > 10000 then redis.call('DEL', 'sweep:jumped') end
if not redis.call('SET', 'sweep:jumped', 1, 'NX', 'PX', 10000) then return 0 end
local keys = {'actors', 'claims', 'webhooks:due'}
for _, server in ipairs(redis.call('SMEMBERS', 'asked')) do keys[#keys + 1] = asked(server) end
for _, key in ipairs(keys) do
  for _, name in ipairs(redis.call('ZRANGE', key, 0, -1)) do
    redis.call('ZINCRBY', key, ARGV[1], name)
  end
end
return 1
