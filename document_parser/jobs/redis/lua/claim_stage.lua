-- Claim a stage of a document: to fetch, plan, assemble or export it, to extract from it, or to read pages of it again.
-- ARGV: job, stage, actor, token, milliseconds until the deadline, time as text, '1' if the actor does nothing else,
-- then the bounds of the histogram of waits in seconds
-- Returns 1, or 0 if there is nothing to do or another living actor works on it.
local job, stage, actor, token = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local at = state(job)
local fits
local fetching = redis.call('HEXISTS', record(job), 'fetching') == 1
if stage == 'fetch' then
  fits = (at == 'queued' or at == 'processing') and fetching
elseif stage == 'plan' then
  fits = (at == 'queued' or at == 'processing') and not fetching and redis.call('HGET', record(job), 'planned') ~= '1'
elseif stage == 'assemble' then
  fits = at == 'processing' and closed(job)
elseif stage == 'retry' then
  fits = at == 'completed' and redis.call('LLEN', retries(job)) > 0
elseif extraction_of(stage) then
  -- Once for each time that it is asked for, however often its task is enqueued.
  fits = at == 'completed' and pending_extraction(job, extraction_of(stage)) ~= nil
else
  fits = at == 'completed' or at == 'cancelled'
end
if not fits then return 0 end
local entry = load(stages(job), stage) or {}
if entry.state == 'claimed' and alive(entry.actor) then return 0 end
drop_claim(job, stage, entry)
entry.state, entry.token, entry.actor, entry.alone = 'claimed', token, actor, ARGV[7] == '1'
save(stages(job), stage, entry)
redis.call('ZADD', 'claims', now() + tonumber(ARGV[5]), claim_name(job, stage, token, actor))
if at == 'queued' then
  redis.call('HSET', record(job), 'state', 'processing', 'started_at', ARGV[6])
  observe('job_wait_seconds', math.max(0, now() / 1000 - tonumber(redis.call('ZSCORE', 'jobs:queued', job) or now() / 1000)), 8)
  redis.call('ZREM', 'jobs:queued', job)
  event(job, 'job.started')
end
return 1
