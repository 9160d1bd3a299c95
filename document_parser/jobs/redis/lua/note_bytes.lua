-- Record how much of a document has come. ARGV: job, bytes, bytes of the whole or ''
if redis.call('HEXISTS', record(ARGV[1]), 'fetching') == 0 then return 0 end
redis.call('HSET', record(ARGV[1]), 'received_bytes', ARGV[2], 'announced_bytes', ARGV[3])
return 1
