-- Record the outcome of a retry. It needs the stage's token; without one, the stage's worker must have died.
-- ARGV: job, token or '', page, its new ledger entry, the job's new revision or '' (the page is kept as it was),
-- what to add to which count as JSON, status of the page, error or '', body of the webhook about it,
-- all pages whose newest retry failed as JSON, usage by engine as JSON, then samples of the metrics and what to add
-- Returns 'ok', 'gone', or 'not_yours'.
local job, token, page, revision = ARGV[1], ARGV[2], ARGV[3], ARGV[5]
local at = state(job)
if not at then return 'gone' end
local stage, order = load(stages(job), 'retry'), redis.call('LINDEX', retries(job), 0)
local ours = stage and ((token ~= '' and stage.token == token) or (token == '' and stage.state == 'lost'))
if at ~= 'completed' or not ours or not order or cjson.decode(order).page ~= tonumber(page) then return 'not_yours' end
local before = tonumber(redis.call('HGET', record(job), 'revision') or '1')
if revision ~= '' and tonumber(revision) ~= before + 1 then return 'not_yours' end
stage.crashes = 0
save(stages(job), 'retry', stage)
redis.call('HSET', pages(job), page, ARGV[4])
redis.call('LPOP', retries(job))
if revision ~= '' then
  for name, by in pairs(cjson.decode(ARGV[6])) do redis.call('HINCRBY', pages(job), '#' .. name, by) end
  redis.call('HSET', record(job), 'revision', revision, 'complete', count(job, 'failed') == 0 and '1' or '0')
end
show_next_retry(job)
event(job, 'page.retried', 'page', page, 'status', ARGV[7], 'outcome', revision == '' and 'kept' or 'replaced', 'error', ARGV[8])
local news = revision == '' and 'retry_failed' or 'revised'
if revision == '' then
  event(job, 'job.retry_failed', 'page', page, 'error', ARGV[8])
else
  event(job, 'job.revised', 'revision', revision)
  -- The files in the bucket are those of the revision before.
  put_result_again(job)
end
redis.call('HSET', record(job), 'retry_failed_pages', ARGV[10])
local retry = redis.call('HINCRBY', record(job), 'retries', 1)
if redis.call('HEXISTS', record(job), 'webhook') == 1 then
  local shown = revision == '' and 'null' or revision
  announce(job, news, string.format('{"state":"pending","attempts":0,"retry":%d,"revision":%s}', retry, shown), ARGV[9])
end
count_usage(job, cjson.decode(ARGV[11]))
note_history(job)
tally_all(12)
return 'ok'
