-- A reader leaves. ARGV: slot, actor, '1' to leave whatever is ready
-- Returns 0 where pages are ready and it must go on: between its last look and this script some may have come.
if ARGV[3] ~= '1' and anything_ready() then return 0 end
if redis.call('HGET', 'readers', ARGV[1]) == ARGV[2] then redis.call('HDEL', 'readers', ARGV[1]) end
if redis.call('GET', 'suspects:reader') == ARGV[2] then redis.call('DEL', 'suspects:reader') end
return 1
