-- End a job: only once, and with its expiry in the same step.
-- ARGV: job, state, error as JSON or '', completed_at, expires_at (text), milliseconds to live, milliseconds of the tombstone,
-- then the bounds of the histogram of durations in seconds
-- Returns 'ok', 'missing', 'open' (completed was asked for while pages are missing), or the state it has ended in before.
local job, to, ttl = ARGV[1], ARGV[2], tonumber(ARGV[6])
local at = state(job)
if not at then return 'missing' end
if at ~= 'queued' and at ~= 'processing' then return at end
local failed = count(job, 'failed')
redis.call('PEXPIRE', 'job:' .. job .. ':waiting', ttl)
if to == 'completed' then
  -- The invariant: no page may be missing from a completed document.
  local total = tonumber(redis.call('HGET', record(job), 'total') or '-1')
  if not closed(job) or count(job, 'done') + count(job, 'blank') + failed ~= total then return 'open' end
end
local complete = (to == 'completed' and failed == 0) and '1' or '0'
redis.call('HSET', record(job), 'state', to, 'error', ARGV[3], 'completed_at', ARGV[4], 'expires_at', ARGV[5], 'complete', complete)
event(job, 'job.' .. to)
if pending_extraction(job) then
  if to == 'completed' then
    redis.call('SADD', 'jobs:extracting', job)
  else
    local listed = extractions(job)
    for _, one in ipairs(listed) do one.status = 'skipped' end
    save(record(job), 'extractions', listed)
  end
end
if redis.call('DEL', 'job:' .. job .. ':password') > 0 then redis.call('HSET', record(job), 'locked', '1') end
redis.call('HDEL', record(job), 'fetching', 'address')
redis.call('ZREM', 'transfers:due', job .. '|fetch')
local copy = load(record(job), 'result_s3')
if copy and to == 'completed' then
  redis.call('ZADD', 'transfers:due', now(), job .. '|result')
elseif copy then
  copy.state = 'skipped'
  save(record(job), 'result_s3', copy)
end
forget_ready(job)
forget_reading(job)
-- An Idempotency-Key expires with its job: sent again later, it creates a new one.
local key = redis.call('HGET', record(job), 'idempotency')
if key then
  local held = string.match(redis.call('GET', key) or '', '^(.-)|')
  if held == job and redis.call('PTTL', key) > ttl then redis.call('PEXPIRE', key, ttl) end
end
for _, key in ipairs({record(job), pages(job), stages(job), 'job:' .. job .. ':events', 'job:' .. job .. ':status', 'job:' .. job .. ':cached', 'job:' .. job .. ':rung'}) do
  redis.call('PEXPIRE', key, ttl)
end
-- What it has put into the cache, or taken from it, goes no later than the job if a time was asked for.
if redis.call('HEXISTS', record(job), 'retention_hours') == 1 then
  for _, key in ipairs(redis.call('SMEMBERS', 'job:' .. job .. ':cached')) do
    local expiry = redis.call('ZSCORE', 'cache:expiring', key)
    if expiry and tonumber(expiry) > now() + ttl then redis.call('ZADD', 'cache:expiring', now() + ttl, key) end
  end
end
redis.call('SET', 'job:' .. job .. ':gone', redis.call('HGET', record(job), 'owner') or '', 'PX', ttl + tonumber(ARGV[7]))
-- Tasks that work on it check their claims at once.
if to ~= 'completed' then redis.call('INCR', 'jobs:endings') end
tally('jobs_ended|' .. to .. '|' .. mode_and_format(job), 1)
if ARGV[3] ~= '' then tally('job_errors|' .. cjson.decode(ARGV[3]).code, 1) end
local created = tonumber(redis.call('ZSCORE', 'jobs:active', job) or now() / 1000)
observe('job_duration_seconds|' .. to, math.max(0, now() / 1000 - created), 8)
redis.call('ZREM', 'jobs:active', job)
redis.call('ZREM', 'jobs:queued', job)
redis.call('ZADD', 'jobs:expiring', now() + ttl, job)
if redis.call('HEXISTS', record(job), 'webhook') == 1 then
  redis.call('ZADD', 'webhooks:due', now(), job)
  redis.call('ZADD', 'webhooks:log', now_micros(), job)
end
if to == 'completed' then
  local size = tonumber(redis.call('HGET', record(job), 'size') or '0')
  count_usage(job, {none = {documents = 1, bytes = size}})
end
settle_quota(job, to == 'completed')
note_history(job)
settle_in_batch(job, to == 'completed' and failed > 0 and 'incomplete' or to)
return 'ok'
