-- Finish planning. ARGV: job, token of the plan. Returns 2 if that closed the ledger, else 1; 0 for a wrong token.
local job = ARGV[1]
local entry = load(stages(job), 'plan')
if not entry or entry.token ~= ARGV[2] or state(job) ~= 'processing' then return 0 end
drop_claim(job, 'plan', entry)
entry.state, entry.token, entry.actor = 'done', nil, nil
save(stages(job), 'plan', entry)
redis.call('HSET', record(job), 'planned', '1')
return closed(job) and 2 or 1
