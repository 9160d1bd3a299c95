-- Release a claim. ARGV: job, page or stage, token, reason: 'back' (given back, not charged) or 'crash' (its actor died)
-- Returns {outcome, crashes}: 'none', 'ready', 'suspect', 'failed', 'closed' (failed, and that closed the ledger), 'stage'.
-- A page or a stage is charged only if its actor held nothing else; a page charged twice fails. A page whose reader died is not
-- suspected the first time, since readers mostly die for other reasons, and is ready again at once; the second time it is suspect.
local job, what, token, crash = ARGV[1], ARGV[2], ARGV[3], ARGV[4] == 'crash'
local is_page = tonumber(what) ~= nil
local key = is_page and pages(job) or stages(job)
local entry = load(key, what)
if not entry or entry.state ~= 'claimed' or entry.token ~= token then return {'none', 0} end
drop_claim(job, what, entry)
if crash then tally('lost_claims|' .. (is_page and 'page' or 'stage'), 1) end
local alone = entry.alone
entry.token, entry.actor, entry.alone = nil, nil, nil
entry.crashes = entry.crashes or 0

if not is_page then
  if crash and alone then entry.crashes = entry.crashes + 1 end
  if crash then entry.deaths = (entry.deaths or 0) + 1 end
  -- Several documents are fetched by one process, and none is to blame for its death alone: after five, it is given up.
  if crash and what == 'fetch' and entry.deaths >= 5 then entry.crashes = 2 end
  entry.state = 'lost'
  save(key, what, entry)
  return {'stage', entry.crashes}
end
if not crash then
  entry.state = 'ready'
  save(key, what, entry)
  make_ready(job, what, 'LPUSH')
  return {'ready', entry.crashes}
end
if alone then entry.crashes = entry.crashes + 1 end
entry.deaths = (entry.deaths or 0) + 1
if entry.deaths == 1 then
  entry.state = 'ready'
  save(key, what, entry)
  make_ready(job, what, 'LPUSH')
  return {'ready', entry.crashes}
end
if entry.crashes < 2 then
  entry.state = 'ready'
  save(key, what, entry)
  redis.call('RPUSH', 'suspects', job .. '|' .. what)
  return {'suspect', entry.crashes}
end
entry.state, entry.error = 'failed', 'WORKER_CRASHED'
save(key, what, entry)
count_page(job, what, 'failed', '')
tally('pages|none|failed', 1)
tally('page_errors|WORKER_CRASHED', 1)
return {closed(job) and 'closed' or 'failed', entry.crashes}
