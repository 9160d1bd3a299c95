-- Delete the record of a batch. ARGV: batch, text of its tombstone or '' for none, milliseconds that the tombstone is kept
-- Returns how many keys were deleted.
local batch = ARGV[1]
for _, job in ipairs(redis.call('SMEMBERS', batch_key(batch, ':open'))) do settle_quota_in_batch(batch, job) end
local gone = redis.call('DEL', batch_key(batch, ':gone'))
local key = batch_field(batch, 'idempotency')
if key and string.match(redis.call('GET', key) or '', '^(.-)|') == batch then gone = gone + redis.call('DEL', key) end
for _, part in ipairs(BATCH_PARTS) do gone = gone + redis.call('DEL', batch_key(batch, part)) end
if ARGV[2] ~= '' then redis.call('SET', batch_key(batch, ':gone'), ARGV[2], 'PX', ARGV[3]) end
redis.call('ZREM', 'batches:active', batch)
redis.call('ZREM', 'batches:expiring', batch)
for _, list in ipairs({'webhooks:due', 'webhooks:log', 'webhooks:failed'}) do redis.call('ZREM', list, batch .. '|batch') end
return gone
