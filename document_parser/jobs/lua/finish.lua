-- A page has been read and its file is stored. Only with the token, only once.
-- ARGV: job, page, token, entry as JSON, outcome (done|blank|failed), counter, how it came ('read', 'cached' or 'text'),
-- then samples of the metrics and what to add
-- Returns 2 where that closed the ledger, 1, 0 where the claim is not this one, -1 where the job is gone.
local job, page, token = ARGV[1], ARGV[2], ARGV[3]
local at = state(job)
if not at then return -1 end
local entry = load(pages(job), page)
if at ~= 'processing' or not entry or entry.state ~= 'claimed' or entry.token ~= token then return 0 end
drop_claim(job, page, entry)
redis.call('HSET', pages(job), page, ARGV[4])
local read = cjson.decode(ARGV[4])
if entry.lost then redis.call('HSET', pages(job), page, with_lost(ARGV[4], entry.lost)) end
count_page(job, page, ARGV[5], ARGV[6], read.warnings, read.flagged)
-- What took no engine's time does not tell the pace.
if ARGV[7] == 'read' then redis.call('HINCRBY', 'pace', math.floor(now() / PACE_MILLISECONDS), 1) end
if ARGV[7] == 'cached' then redis.call('HINCRBY', pages(job), '#cached', 1) end
tally_all(8)
return closed(job) and 2 or 1
