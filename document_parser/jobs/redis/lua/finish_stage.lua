-- Finish a stage. ARGV: job, stage, token, error as JSON or '' (of a format or an extraction that could not be written),
-- usage by engine as JSON
-- Returns 1, or 0 if the stage has another token.
local entry = load(stages(ARGV[1]), ARGV[2])
if not entry or entry.token ~= ARGV[3] then return 0 end
drop_claim(ARGV[1], ARGV[2], entry)
entry.state, entry.token, entry.actor = ARGV[4] == '' and 'done' or 'lost', nil, nil
save(stages(ARGV[1]), ARGV[2], entry)
count_usage(ARGV[1], cjson.decode(ARGV[5]))
note_outcome(ARGV[1], ARGV[2], ARGV[4])
return 1
