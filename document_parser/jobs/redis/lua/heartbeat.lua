-- Record that an actor is alive. ARGV: actor, then job, page or stage, and token of each claim it holds
-- Returns the positions (from 1) of claims it no longer has: the job was cancelled or deleted, or the claim was taken away.
local lost = {}
redis.call('ZADD', 'actors', now(), ARGV[1])
for i = 2, #ARGV, 3 do
  local job, what, token = ARGV[i], ARGV[i + 1], ARGV[i + 2]
  local at = state(job)
  local after_the_end = what == 'retry' or string.sub(what, 1, 6) == 'export'
  local entry = load(tonumber(what) and pages(job) or stages(job), what)
  local lives = at == 'processing' or (after_the_end and at)
  if not lives or not entry or entry.token ~= token then
    lost[#lost + 1] = (i - 2) / 3 + 1
  end
end
return lost
