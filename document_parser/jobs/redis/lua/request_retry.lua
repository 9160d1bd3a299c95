-- Order a page of a completed job to be read again. ARGV: job, page, the order as JSON, encrypted password or ''
-- Returns 'ok', 'missing', 'page' (there is no such page), 'underway', 'locked' (a password is needed), or the job's state if
-- that is not completed.
local job, page = ARGV[1], ARGV[2]
local at = state(job)
if not at then return 'missing' end
if not load(pages(job), page) then return at == 'completed' and 'page' or at end
if at ~= 'completed' then return at end
for _, order in ipairs(redis.call('LRANGE', retries(job), 0, -1)) do
  if cjson.decode(order).page == tonumber(page) then return 'underway' end
end
if ARGV[4] == '' and redis.call('HGET', record(job), 'locked') == '1' then return 'locked' end
local left = math.max(redis.call('PTTL', record(job)), 1)
redis.call('RPUSH', retries(job), ARGV[3])
redis.call('PEXPIRE', retries(job), left)
if ARGV[4] ~= '' then redis.call('SET', 'job:' .. job .. ':password', ARGV[4], 'PX', left) end
redis.call('SADD', 'jobs:rereading', job)
show_next_retry(job)
event(job, 'page.rereading', 'page', page)
return 'ok'
