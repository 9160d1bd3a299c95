-- Keep a claimed result for longer. ARGV: name, milliseconds after which it is due again
redis.call('ZADD', 'transfers:due', 'XX', now() + tonumber(ARGV[2]), ARGV[1])
return 1
