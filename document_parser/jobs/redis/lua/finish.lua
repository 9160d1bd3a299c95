-- Count a page whose file is stored: only with the claim's token, and only once.
-- ARGV: job, page, token, entry as JSON, outcome (done|blank|failed), counter, origin ('read', 'cached' or 'text'),
-- usage by engine as JSON, then samples of the metrics and what to add
-- Returns 2 if that closed the ledger, else 1; 0 if the page has another claim, -1 if the job is gone.
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
-- Pages that took no engine's time do not count for the pace.
if ARGV[7] == 'read' then redis.call('HINCRBY', 'pace', math.floor(now() / PACE_MILLISECONDS), 1) end
if ARGV[7] == 'cached' then redis.call('HINCRBY', pages(job), '#cached', 1) end
count_usage(job, cjson.decode(ARGV[8]))
tally_all(9)
return closed(job) and 2 or 1
