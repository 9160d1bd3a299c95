-- ARGV: slot, holder it was seen with. Returns 1 where the slot was freed.
if redis.call('HGET', 'readers', ARGV[1]) ~= ARGV[2] then return 0 end
return redis.call('HDEL', 'readers', ARGV[1])
