-- Note in a batch that is being restored how a job has ended. ARGV: batch, place, entry as JSON, outcome, pages, finished pages
-- Returns 1; 0 if the batch is not being restored.
local batch, place = ARGV[1], ARGV[2]
if not batch_field(batch, 'restoring') then return 0 end
redis.call('ZADD', batch_key(batch, ':places'), 0, place)
redis.call('HSET', batch_key(batch, ':entries'), place, ARGV[3])
redis.call('HSET', batch_key(batch, ':outcomes'), place, ARGV[4] .. '|' .. ARGV[5] .. '|' .. ARGV[6])
return 1
