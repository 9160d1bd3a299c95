-- Finish restoring a batch: it ends now if none of its jobs goes on. ARGV: batch
redis.call('HDEL', batch_key(ARGV[1]), 'restoring')
end_batch_if_done(ARGV[1])
return 1
