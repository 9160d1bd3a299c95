-- Close the fetch of a document that is in storage now, or was only scanned now, and let it be planned.
-- ARGV: job, token of the stage, card as JSON, size in bytes, lane, key of the document in the cache or '',
-- samples of the metrics as JSON
-- Returns hit|miss|off|shared as create.lua, 'gone' if the job was deleted, or 'not_yours' if the claim is no longer held.
local job = ARGV[1]
local at, entry = state(job), load(stages(job), 'fetch')
if not at then return 'gone' end
if at ~= 'processing' or not entry or entry.token ~= ARGV[2] then return 'not_yours' end
drop_claim(job, 'fetch', entry)
entry.state, entry.token, entry.actor = 'done', nil, nil
save(stages(job), 'fetch', entry)
-- What was opened with a password is not kept.
local key = redis.call('EXISTS', 'job:' .. job .. ':password') == 1 and '' or ARGV[6]
local before = tonumber(redis.call('HGET', record(job), 'size') or '0')
redis.call('HSET', record(job), 'card', ARGV[3], 'size', ARGV[4], 'lane', ARGV[5])
redis.call('HDEL', record(job), 'fetching', 'address', 'received_bytes', 'announced_bytes')
redis.call('HINCRBY', 'load', 'bytes', tonumber(ARGV[4]) - before)
-- A document that only had to be scanned was here, and counted, before.
if before == 0 then
  event(job, 'job.fetched', 'bytes', ARGV[4])
  tally_json(ARGV[7])
end
local cache = find_reading(job, key)
tally('cache_lookups|' .. cache, 1)
return cache
