-- Make pages whose files are lost ready to be read again; the stage that found them missing is released and waits for them.
-- ARGV: job, stage, token, then page, counter of its engine or '', '1' if it came from the cache ...
-- Returns 'ready', 'not_yours', or 'again' if nothing was changed, since a page has been lost twice before.
local job, stage = ARGV[1], load(stages(ARGV[1]), ARGV[2])
if state(job) ~= 'processing' or not stage or stage.token ~= ARGV[3] then return 'not_yours' end
for i = 4, #ARGV, 3 do
  local entry = load(pages(job), ARGV[i])
  if not entry or (entry.state ~= 'done' and entry.state ~= 'blank') then return 'not_yours' end
  if (entry.lost or 0) >= 2 then return 'again' end
end
for i = 4, #ARGV, 3 do
  local page, counter = ARGV[i], ARGV[i + 1]
  local entry = load(pages(job), page)
  for _, name in ipairs({'finished', entry.state, counter}) do
    if name ~= '' then redis.call('HINCRBY', pages(job), '#' .. name, -1) end
  end
  count_usage(job, {[type(entry.engine) == 'string' and entry.engine or 'none'] = {pages = -1}})
  if entry.flagged then redis.call('HINCRBY', pages(job), '#flagged', -1) end
  if ARGV[i + 2] == '1' then redis.call('HINCRBY', pages(job), '#cached', -1) end
  save(pages(job), page, {state = 'ready', lost = (entry.lost or 0) + 1})
  make_ready(job, page, 'RPUSH')
end
drop_claim(job, ARGV[2], stage)
stage.state, stage.token, stage.actor, stage.alone = 'lost', nil, nil, nil
save(stages(job), ARGV[2], stage)
return 'ready'
