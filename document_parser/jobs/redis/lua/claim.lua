-- Claim one page of any document: suspect pages first and alone; then the lanes in the order given. In each lane the owners take
-- turns, and so do the documents of each owner.
-- ARGV: actor, token, '1' if the actor holds no page, milliseconds until the claim's deadline, lanes ...
-- Returns {job, page, '1' if alone, request id, key id and traceparent of the job}, {'drain'} if the actor must finish its pages first, or {} if nothing is ready.
local actor, token, empty_handed, span = ARGV[1], ARGV[2], ARGV[3] == '1', tonumber(ARGV[4])

local function take(job, page, alone)
  if state(job) ~= 'processing' then
    redis.call('DEL', ready_list(job))
    return nil
  end
  local entry = load(pages(job), page)
  if not entry or entry.state ~= 'ready' then return nil end
  entry.state, entry.token, entry.actor, entry.alone = 'claimed', token, actor, alone
  save(pages(job), page, entry)
  redis.call('ZADD', 'claims', now() + span, claim_name(job, page, token, actor))
  event(job, 'page.started', 'page', page)
  local sent = redis.call('HMGET', record(job), 'request_id', 'key', 'traceparent')
  return {job, page, alone and '1' or '0', sent[1] or '', sent[2] or '', sent[3] or ''}
end

-- Only one reader at a time reads suspect pages, so that the others keep the engines busy.
local function reads_suspects()
  if redis.call('LLEN', 'suspects') == 0 then return false end
  local holder = redis.call('GET', 'suspects:reader')
  if holder and holder ~= actor and alive(holder) then return false end
  redis.call('SET', 'suspects:reader', actor, 'PX', 10000)
  return true
end

if reads_suspects() then
  if not empty_handed then return {'drain'} end
  local item = redis.call('LPOP', 'suspects')
  while item do
    local job, page = string.match(item, '^(.-)|(.+)$')
    local got = take(job, page, true)
    if got then return got end
    item = redis.call('LPOP', 'suspects')
  end
end

local function next_page(lane)
  local owner = redis.call('LPOP', ready_owners(lane))
  while owner do
    local jobs = ready_jobs(lane, owner)
    local job = redis.call('LPOP', jobs)
    local page = job and redis.call('LPOP', ready_list(job))
    if page and redis.call('LLEN', ready_list(job)) > 0 then redis.call('RPUSH', jobs, job) end
    if redis.call('LLEN', jobs) > 0 then redis.call('RPUSH', ready_owners(lane), owner) end
    local got = page and take(job, page, false)
    if got then return got end
    owner = redis.call('LPOP', ready_owners(lane))
  end
end

for i = 5, #ARGV do
  local got = next_page(ARGV[i])
  if got then return got end
end
return {}
