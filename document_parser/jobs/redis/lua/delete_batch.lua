-- Delete the record of a batch. ARGV: batch
-- Returns how many keys were deleted.
local batch = ARGV[1]
local gone = redis.call('DEL', batch_key(batch, ':gone'))
local key = batch_field(batch, 'idempotency')
if key and string.match(redis.call('GET', key) or '', '^(.-)|') == batch then gone = gone + redis.call('DEL', key) end
for _, part in ipairs(BATCH_PARTS) do gone = gone + redis.call('DEL', batch_key(batch, part)) end
redis.call('ZREM', 'batches:active', batch)
redis.call('ZREM', 'batches:expiring', batch)
for _, list in ipairs({'webhooks:due', 'webhooks:log', 'webhooks:failed'}) do redis.call('ZREM', list, batch .. '|batch') end
return gone
