-- ARGV: job, stage, token. Returns 1, or 0 where the token is not the stage's.
local entry = load(stages(ARGV[1]), ARGV[2])
if not entry or entry.token ~= ARGV[3] then return 0 end
drop_claim(ARGV[1], ARGV[2], entry)
entry.state, entry.token, entry.actor = 'done', nil, nil
save(stages(ARGV[1]), ARGV[2], entry)
return 1
