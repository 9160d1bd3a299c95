-- Free a slot whose holder is gone. ARGV: slot, the holder that was seen. Returns 1, or 0 if another has taken it.
if redis.call('HGET', 'readers', ARGV[1]) ~= ARGV[2] then return 0 end
return redis.call('HDEL', 'readers', ARGV[1])
