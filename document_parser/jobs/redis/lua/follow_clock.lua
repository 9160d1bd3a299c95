-- The clock has jumped: signs of life, deadlines and due times stay as far away as they were. ARGV: milliseconds it has jumped by
-- Signs of life that came after the jump may be in the future for it: no harm, since what lives beats again.
-- Every sweeper sees it: the first one moves them.
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
