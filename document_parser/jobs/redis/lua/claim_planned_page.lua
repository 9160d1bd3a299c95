-- Claim a page that the planner reads itself.
-- ARGV: job, page, actor, token, milliseconds until the deadline. Returns 1, or 0 if the page is not pending.
local job, page, actor, token = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local entry = load(pages(job), page)
if state(job) ~= 'processing' or not entry or entry.state ~= 'pending' then return 0 end
entry.state, entry.token, entry.actor, entry.alone = 'claimed', token, actor, false
save(pages(job), page, entry)
redis.call('ZADD', 'claims', now() + tonumber(ARGV[5]), claim_name(job, page, token, actor))
return 1
