-- The right to read one page of any document: pages under suspicion first and alone; then the lanes in the order given, in each
-- lane the owners in turn, and of each owner the documents in turn.
-- ARGV: actor, token, empty-handed ('1' when the actor holds no page), milliseconds until the claim's deadline, lanes ...
-- Returns {job, page, alone, request id of the job}, {'drain'} when the actor must empty its hands first, or {} when nothing is ready.
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
  return {job, page, alone and '1' or '0', redis.call('HGET', record(job), 'request_id') or ''}
end

-- One reader at a time reads suspects, so that the others keep the engines busy.
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
