-- Read a batch. ARGV: batch
-- Returns {fields and values of the record, counts by state as JSON, pages, finished pages}; nil if it is gone.
local batch = ARGV[1]
local fields = redis.call('HGETALL', batch_key(batch))
if #fields == 0 then return nil end
local counts, pages, finished = batch_counts(batch)
return {fields, cjson.encode(counts), pages, finished}
