-- Free the slot of a reader that ends. ARGV: slot, actor, '1' to end even if pages are ready
-- Returns 1; 0 if pages are ready and the reader must go on: some may have become ready since it asked last.
if ARGV[3] ~= '1' and anything_ready() then return 0 end
if redis.call('HGET', 'readers', ARGV[1]) == ARGV[2] then redis.call('HDEL', 'readers', ARGV[1]) end
if redis.call('GET', 'suspects:reader') == ARGV[2] then redis.call('DEL', 'suspects:reader') end
return 1
