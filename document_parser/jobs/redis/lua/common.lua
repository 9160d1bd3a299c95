-- Functions shared by all scripts; they are put in front of each script when it is loaded. Times are milliseconds on Redis' clock.
-- A ledger entry is JSON: {state = pending|ready|claimed|done|blank|failed, token, actor, alone, crashes, ...}.

local function now()
  local t = redis.call('TIME')
  return tonumber(t[1]) * 1000 + math.floor(tonumber(t[2]) / 1000)
end

local PACE_MILLISECONDS = 5000

-- Scores for listings, whose pages end between two scores: microseconds are fine enough that no two are the same.
local function now_micros()
  local t = redis.call('TIME')
  return tonumber(t[1]) * 1000000 + tonumber(t[2])
end

local function record(job) return 'job:' .. job end
local function pages(job) return 'job:' .. job .. ':pages' end
local function stages(job) return 'job:' .. job .. ':stages' end
local function ready_list(job) return 'job:' .. job .. ':ready' end
local function state(job) return redis.call('HGET', record(job), 'state') end
local function count(job, name) return tonumber(redis.call('HGET', pages(job), '#' .. name) or '0') end

local function retries(job) return 'job:' .. job .. ':retries' end

-- The key of the record that a webhook belongs to, and the field of it that keeps the state of the delivery. Names are the job for
-- its end, JOB|revised for its newest revision, JOB|retry_failed for its newest failed retry, JOB|extracted and
-- JOB|extraction_failed for its newest extractions, and BATCH|batch for the end of a batch.
local function webhook_of(name)
  local id, news = string.match(name, '^([^|]*)|?(.*)$')
  if news == 'batch' then return 'batch:' .. id, 'webhook' end
  return record(id), news == '' and 'webhook' or news .. '_webhook'
end

-- Whether two states of a delivery belong to the same event; those of retries and of extractions are numbered.
local function is_same_event(kept, other)
  return (kept.retry or cjson.null) == (other.retry or cjson.null) and (kept.extraction or cjson.null) == (other.extraction or cjson.null)
end

-- Make the webhook of news of a job due; its body is '' if it is written before the first try.
-- An event that has not been delivered yet is replaced: the newest one of its kind includes it.
local function announce(job, news, webhook, body)
  local name = job .. '|' .. news
  redis.call('HSET', record(job), news .. '_webhook', webhook)
  if body == '' then redis.call('HDEL', record(job), news .. '_body') else redis.call('HSET', record(job), news .. '_body', body) end
  redis.call('ZREM', 'webhooks:failed', name)
  redis.call('ZADD', 'webhooks:due', now(), name)
  redis.call('ZADD', 'webhooks:log', now_micros(), name)
end

-- Requests that a model server is answering, by the end of their lease.
local function asked(server) return 'asked:' .. server end
local ASKED_SERVERS_MILLISECONDS = 3600000

local function keep_asked(server, request, lease)
  redis.call('ZADD', asked(server), now() + lease, request)
  redis.call('PEXPIRE', asked(server), 2 * lease)
  redis.call('SADD', 'asked', server)
  redis.call('PEXPIRE', 'asked', ASKED_SERVERS_MILLISECONDS)
end

-- Pairs of a server and a request, between two positions of ARGV.
local function drop_asked(from, to)
  for i = from, to, 2 do redis.call('ZREM', asked(ARGV[i]), ARGV[i + 1]) end
end

local function load(key, field)
  local raw = redis.call('HGET', key, field)
  return raw and cjson.decode(raw)
end

local function save(key, field, entry)
  redis.call('HSET', key, field, cjson.encode(entry))
end

-- Add an event. The stream expires with its job: one that is created again after the end gets the rest of the record's time.
local function event(job, kind, ...)
  local stream = 'job:' .. job .. ':events'
  redis.call('XADD', stream, 'MAXLEN', '~', 8192, '*', 'kind', kind, ...)
  local left = redis.call('PTTL', record(job))
  if left > 0 then redis.call('PEXPIRE', stream, left) end
end

-- An entry as JSON, with how often the file of its page was lost. The text is not decoded, since an empty list would become {}.
local function with_lost(entry, times)
  return string.sub(entry, 1, -2) .. ',"lost":' .. string.format('%d', times) .. '}'
end

-- Note that this job does not read its document any more.
local function forget_reading(job)
  local key = redis.call('HGET', record(job), 'cache_key')
  if key and key ~= '' and redis.call('GET', 'reading:' .. key) == job then redis.call('DEL', 'reading:' .. key) end
end

local function claim_name(job, what, token, actor)
  return job .. '|' .. what .. '|' .. token .. '|' .. actor
end

local function drop_claim(job, what, entry)
  if entry.token and entry.actor then
    redis.call('ZREM', 'claims', claim_name(job, what, entry.token, entry.actor))
  end
end

-- Whether the cache has an entry that has not expired.
local function cached(key)
  local expiry = redis.call('ZSCORE', 'cache:expiring', key)
  return expiry and tonumber(expiry) > now()
end

-- Write the page of the next order into the record; after the last order, delete the password.
local function show_next_retry(job)
  local order = redis.call('LINDEX', retries(job), 0)
  if order then
    redis.call('HSET', record(job), 'rereading', cjson.decode(order).page)
  else
    redis.call('HDEL', record(job), 'rereading')
    redis.call('DEL', 'job:' .. job .. ':password')
    redis.call('SREM', 'jobs:rereading', job)
  end
end

local function alive(actor)
  return actor and redis.call('ZSCORE', 'actors', actor)
end

-- Ready pages are in a list of their job; jobs with ready pages, in a list of their owner in a lane; owners, in a list of the lane.
local LANES = {'express', 'normal', 'batch'}
local function lane_of(job) return redis.call('HGET', record(job), 'lane') or 'normal' end
local function owner_of(job) return redis.call('HGET', record(job), 'owner') or '' end
local function ready_owners(lane) return 'ready:' .. lane end
local function ready_jobs(lane, owner) return 'ready:' .. lane .. ':' .. owner end

local function append_once(list, item)
  if not redis.call('LPOS', list, item) then redis.call('RPUSH', list, item) end
end

-- Documents to plan are in a list of their owner in a lane, beside RQ's queue of the lane; owners with such documents, in a list of the lane.
local function plan_owners(lane) return 'plans:' .. lane end
local function plan_jobs(lane, owner) return 'plans:' .. lane .. ':' .. owner end

-- Remove a document from its owner's list. The owner moves to the end of the lane's list, or is removed if it has no more.
local function forget_plan(lane, owner, job)
  if redis.call('LREM', plan_jobs(lane, owner), 0, job) == 0 then return end
  redis.call('LREM', plan_owners(lane), 0, owner)
  if redis.call('LLEN', plan_jobs(lane, owner)) > 0 then redis.call('RPUSH', plan_owners(lane), owner) end
end

local READING_MILLISECONDS = 86400000

-- Let a job wait until another has read the same document.
local function wait_for(job, reader)
  redis.call('HSET', record(job), 'waits_for', reader, 'shared', '1')
  redis.call('RPUSH', 'job:' .. reader .. ':waiting', job)
end

-- The job that is reading this document, in a lane that is not slower; nil if there is none.
local RANK = {express = 1, normal = 2, batch = 3}
local function reader_of(key, lane)
  local job = redis.call('GET', 'reading:' .. key)
  local at = job and state(job)
  if at ~= 'queued' and at ~= 'processing' then return nil end
  return RANK[lane_of(job)] <= RANK[lane] and job or nil
end

-- Note whether the cache has a job's document or another job reads it; else this job does. The key is '' without a cache.
local function find_reading(job, key)
  local cache = key == '' and 'off' or cached(key) and 'hit' or 'miss'
  redis.call('HSET', record(job), 'cache', cache, 'cache_key', key)
  if cache ~= 'miss' then return cache end
  local reader = reader_of(key, lane_of(job))
  if reader then
    wait_for(job, reader)
    return 'shared'
  end
  redis.call('SET', 'reading:' .. key, job, 'PX', READING_MILLISECONDS)
  return cache
end

local function make_ready(job, page, side)
  local lane, owner = lane_of(job), owner_of(job)
  redis.call(side, ready_list(job), page)
  append_once(ready_jobs(lane, owner), job)
  append_once(ready_owners(lane), owner)
end

local function forget_ready(job)
  redis.call('DEL', ready_list(job))
  redis.call('LREM', ready_jobs(lane_of(job), owner_of(job)), 0, job)
end

local function anything_ready()
  for _, lane in ipairs(LANES) do
    if redis.call('LLEN', ready_owners(lane)) > 0 then return true end
  end
  return redis.call('LLEN', 'suspects') > 0
end

-- Whether planning is over and every planned page is finished.
local function closed(job)
  local total = tonumber(redis.call('HGET', record(job), 'total') or '-1')
  return redis.call('HGET', record(job), 'planned') == '1' and count(job, 'finished') == total
end

-- Add to a sample of the metrics; their names are in telemetry/metrics.py.
local function tally(sample, by)
  redis.call('HINCRBYFLOAT', 'metrics', sample, by)
end

-- Add to samples that are named in JSON.
local function tally_json(samples)
  for sample, by in pairs(cjson.decode(samples)) do tally(sample, by) end
end

-- The accuracy mode and the output format of a job, as labels of a sample.
local function mode_and_format(job)
  local options = cjson.decode(redis.call('HGET', record(job), 'card') or '{}').options or {}
  return (options.accuracy_mode or 'none') .. '|' .. (options.output_format or 'none')
end

-- Add to samples: their names and what to add alternate in ARGV, from this position on.
local function tally_all(from)
  for i = from, #ARGV, 2 do tally(ARGV[i], ARGV[i + 1]) end
end

-- Quotas of an owner, see jobs/records/quotas.py. 'places:OWNER' has the uploads that have not ended, each with the number of its
-- jobs that have not: its own and those of documents inside it. 'quota:OWNER' counts by QUOTA|PERIOD; a period is a day or a month,
-- by its number. A job knows the periods in which it was sent and how many pages are counted for it.
local QUOTAS = {'concurrent_jobs', 'documents_per_day', 'documents_per_month', 'pages_per_month'}
-- Whether what the database knows of this month was added. Until then no usage is written there: it would be added again.
local QUOTAS_RESTORED = 'quotas:restored'
local QUOTA_MILLISECONDS = 70 * 86400000
local function places(owner) return 'places:' .. owner end
local function quota_key(owner) return 'quota:' .. owner end
local function quota_field(quota, day, month) return quota .. '|' .. (quota == 'documents_per_day' and day or month) end

local function quota_used(owner, quota, day, month)
  if quota == 'concurrent_jobs' then return redis.call('HLEN', places(owner)) end
  return tonumber(redis.call('HGET', quota_key(owner), quota_field(quota, day, month)) or '0')
end

-- The quota that so much more would exceed: its name and what is used; nil for none. Limits are by quota; what has none is left out.
local function broken_quota(owner, given, more)
  for _, quota in ipairs(QUOTAS) do
    local limit, wanted, used = given.limits[quota], more[quota] or 0, quota_used(owner, quota, given.day, given.month)
    if limit and wanted > 0 and used + wanted > limit then return {'quota', quota, tostring(used), tostring(wanted)} end
  end
end

-- Forget the counts of periods before the last one.
local function forget_old_quotas(owner, quota, day, month)
  for _, field in ipairs(redis.call('HKEYS', quota_key(owner))) do
    local name, period = string.match(field, '^(.-)|(%d+)$')
    if name == quota and tonumber(period) < (quota == 'documents_per_day' and tonumber(day) or tonumber(month)) - 1 then
      redis.call('HDEL', quota_key(owner), field)
    end
  end
end

local function count_quota(owner, quota, day, month, by)
  if by == 0 then return end
  local field = quota_field(quota, day, month)
  local count = redis.call('HINCRBY', quota_key(owner), field, string.format('%d', by))
  if count <= 0 then redis.call('HDEL', quota_key(owner), field) end
  if count == by then forget_old_quotas(owner, quota, day, month) end
  redis.call('PEXPIRE', quota_key(owner), QUOTA_MILLISECONDS)
end

-- Count a new document, or take one back that was not read. Each document counts as a page until its pages are known.
local function count_document(owner, day, month, by)
  count_quota(owner, 'documents_per_day', day, month, by)
  count_quota(owner, 'documents_per_month', day, month, by)
end

local function take_place(owner, upload)
  redis.call('HINCRBY', places(owner), upload, 1)
  redis.call('SADD', 'places', owner)
end

local function free_place(owner, upload)
  if redis.call('HINCRBY', places(owner), upload, -1) <= 0 then redis.call('HDEL', places(owner), upload) end
end

-- Count the pages of a job: until it ends, all that it will read; afterwards those that the ledger says were read.
local function count_quota_pages(job)
  local found = redis.call('HMGET', record(job), 'owner', 'quota_day', 'quota_month', 'quota_pages', 'pages_read', 'total', 'state')
  local owner, day, month = found[1], found[2], found[3]
  if not month then return end
  local counted, read = tonumber(found[4] or '0'), tonumber(found[5] or '0')
  local open = found[7] == 'queued' or found[7] == 'processing'
  local due = open and math.max(read, tonumber(found[6] or '1')) or read
  if due == counted then return end
  redis.call('HSET', record(job), 'quota_pages', due)
  count_quota(owner, 'pages_per_month', day, month, due - counted)
end

-- Take a place and a document of an owner for a job, and count its pages from now on. ``is_taken``: its batch took both before.
local function take_quota(job, owner, upload, given, is_taken)
  local counted = is_taken and 1 or 0
  redis.call('HSET', record(job), 'quota_day', given.day, 'quota_month', given.month, 'quota_pages', counted, 'upload', upload)
  if given.limits.pages_per_month then
    redis.call('HSET', record(job), 'pages_limit', given.limits.pages_per_month, 'quota_status', given.status)
  end
  if not is_taken then
    take_place(owner, upload)
    count_document(owner, given.day, given.month, 1)
  end
  count_quota_pages(job)
end

-- The quota that one more document of an upload would exceed, as of broken_quota. Documents of an upload share its place.
local function broken_by_document(owner, upload, given)
  local places_wanted = redis.call('HEXISTS', places(owner), upload) == 1 and 0 or 1
  return broken_quota(owner, given,
    {concurrent_jobs = places_wanted, documents_per_day = 1, documents_per_month = 1, pages_per_month = 1})
end

-- Free the place of a job that has ended. One that was not completed gives its document back.
local function settle_quota(job, completed)
  local owner, day, month, upload = unpack(redis.call('HMGET', record(job), 'owner', 'quota_day', 'quota_month', 'upload'))
  if not month then return end
  free_place(owner, upload)
  if not completed then count_document(owner, day, month, -1) end
  count_quota_pages(job)
end

-- Give back what a batch took for a document whose job was not created and never will be.
local function settle_quota_in_batch(batch, job)
  local owner, day, month = unpack(redis.call('HMGET', 'batch:' .. batch, 'owner', 'quota_day', 'quota_month'))
  if not month or redis.call('EXISTS', record(job)) == 1 or redis.call('HDEL', places(owner), job) == 0 then return end
  count_document(owner, day, month, -1)
  count_quota(owner, 'pages_per_month', day, month, -1)
end

-- Count what a job used, for its owner and key: changes of measures by engine. See jobs/records/usage.py.
local function count_usage(job, changes)
  local owner, key = unpack(redis.call('HMGET', record(job), 'owner', 'key'))
  local day = string.format('%d', math.floor(now() / 86400000))
  local pages = 0
  for engine, measures in pairs(changes) do
    pages = pages + (measures.pages or 0)
    if measures.tokens and measures.tokens ~= 0 then tally('tokens|' .. engine, measures.tokens) end
    if measures.milliseconds and measures.milliseconds ~= 0 then tally('engine_seconds|' .. engine, measures.milliseconds / 1000) end
    for measure, by in pairs(measures) do
      if by ~= 0 then
        local field = table.concat({owner or '', key or '', day, engine, measure}, '|')
        redis.call('HINCRBY', 'usage:pending', field, string.format('%d', by))
      end
    end
  end
  if pages ~= 0 then
    redis.call('HINCRBY', record(job), 'pages_read', pages)
    count_quota_pages(job)
  end
end

-- Note that a job has changed, or was deleted, for its history. The number says whether it has changed again meanwhile.
local function note_history(member)
  redis.call('ZADD', 'history:due', redis.call('INCR', 'history:count'), member)
end

-- Add an observation to a histogram. Its bounds are in ARGV, ascending, from this position on.
local function observe(series, value, from)
  local bucket = '+Inf'
  for i = #ARGV, from, -1 do
    if value <= tonumber(ARGV[i]) then bucket = ARGV[i] end
  end
  tally(series .. '|' .. bucket, 1)
  tally(series .. '|sum', value)
end

local function count_page(job, page, outcome, counter, warnings, flagged)
  redis.call('HINCRBY', pages(job), '#' .. outcome, 1)
  redis.call('HINCRBY', pages(job), '#finished', 1)
  if flagged then redis.call('HINCRBY', pages(job), '#flagged', 1) end
  if counter ~= '' then redis.call('HINCRBY', pages(job), '#' .. counter, 1) end
  redis.call('HSET', pages(job), '#current', math.max(count(job, 'current'), tonumber(page)))
  event(job, 'page.completed', 'page', page, 'status', outcome, 'engine', counter, 'warnings', table.concat(warnings or {}, ','))
end

-- The extractions that were asked of a job, the newest last: {id, status = pending|completed|failed|skipped, number, ...}.
local function extractions(job) return load(record(job), 'extractions') or {} end

-- The id of the extraction that a stage makes; nil for another stage.
local function extraction_of(stage) return string.match(stage, '^extract%-(.+)$') end

local function pending_extraction(job, id)
  for _, one in ipairs(extractions(job)) do
    if one.status == 'pending' and (not id or one.id == id) then return one end
  end
end

-- Note how an extraction has ended, and announce it if the job has a webhook. error is JSON, or '' if there is an answer.
local function settle_extraction(job, id, error)
  local listed = extractions(job)
  for _, one in ipairs(listed) do
    if one.id == id then
      one.number, one.ended_at = redis.call('HINCRBY', record(job), 'extracted', 1), now()
      one.status, one.error = 'completed', nil
      if error ~= '' then
        local fault = cjson.decode(error)
        one.status, one.error = 'failed', {code = fault.code, message = fault.message}
      end
      save(record(job), 'extractions', listed)
      if redis.call('HEXISTS', record(job), 'webhook') == 1 then
        local webhook = string.format('{"state":"pending","attempts":0,"extraction":%d}', one.number)
        announce(job, error == '' and 'extracted' or 'extraction_failed', webhook, '')
      end
    end
  end
  if not pending_extraction(job) then redis.call('SREM', 'jobs:extracting', job) end
end

-- Say how an export, an extraction or a classification has ended to those who wait for it; other stages have nobody who does.
local function note_outcome(job, stage, error)
  local field, what, done, failed = 'format', string.match(stage, '^export%-(.+)$'), 'format.written', 'format.failed'
  if not what then
    field, what, done, failed = 'extraction', extraction_of(stage), 'job.extracted', 'extraction.failed'
    if what then settle_extraction(job, what, error) end
  end
  if not what then
    field, what, done, failed = 'classification', string.match(stage, '^classify%-(.+)$'), 'job.classified', 'classification.failed'
  end
  if not what then return end
  if error == '' then
    event(job, done, field, what)
  else
    event(job, failed, field, what, 'error', cjson.decode(error).code, 'reason', error)
  end
end

-- A batch: 'batch:{id}' is its record; below it, places are a sorted set of what is in it, in order, 'entries' says what is at each
-- place, 'open' has the jobs that have not ended, and 'outcomes' how each place has ended: STATE|PAGES|FINISHED PAGES.
local BATCH_PARTS = {'', ':places', ':entries', ':open', ':outcomes', ':events'}
local FIRST_PLACE = '000000'
local function batch_key(batch, part) return 'batch:' .. batch .. (part or '') end
local function batch_field(batch, field) return redis.call('HGET', batch_key(batch), field) end

local function batch_event(batch, kind, ...)
  redis.call('XADD', batch_key(batch, ':events'), 'MAXLEN', '~', 8192, '*', 'kind', kind, ...)
end

-- Count what is in a batch by state, and its pages. An archive that was sent alone counts as the files in it once they are known.
local function batch_counts(batch)
  local counts, pages, finished = {}, 0, 0
  local archive = batch_field(batch, 'archive') == '1'
  local function add(at, total, read)
    counts[at] = (counts[at] or 0) + 1
    pages, finished = pages + (tonumber(total) or 0), finished + (tonumber(read) or 0)
  end
  local outcomes = redis.call('HGETALL', batch_key(batch, ':outcomes'))
  for i = 1, #outcomes, 2 do
    local at, total, read = string.match(outcomes[i + 1], '^(%a+)|(%d+)|(%d+)$')
    if not (archive and outcomes[i] == FIRST_PLACE and at == 'completed') then add(at, total, read) end
  end
  for _, job in ipairs(redis.call('SMEMBERS', batch_key(batch, ':open'))) do
    add(state(job) or 'queued', redis.call('HGET', record(job), 'total'), count(job, 'finished'))
  end
  return counts, pages, finished
end

-- The state in which a batch ends: partial if a part of it was read, or a file was read with gaps.
local function batch_state(counts)
  local read, other = (counts.completed or 0) + (counts.incomplete or 0), 0
  for at, number in pairs(counts) do
    if at ~= 'completed' then other = other + number end
  end
  if other == 0 then return 'completed' end
  return read > 0 and 'partial' or 'failed'
end

-- End a batch if all its jobs have ended: once, with its expiry and its webhook in the same step.
local function end_batch_if_done(batch)
  if redis.call('SCARD', batch_key(batch, ':open')) > 0 or batch_field(batch, 'state') ~= 'processing' then return end
  if batch_field(batch, 'restoring') then return end
  local ttl, at = tonumber(batch_field(batch, 'ttl')), batch_state((batch_counts(batch)))
  redis.call('HSET', batch_key(batch), 'state', at, 'completed_at', now(), 'expires_at', now() + ttl)
  batch_event(batch, 'batch.ended', 'state', at)
  for _, part in ipairs(BATCH_PARTS) do redis.call('PEXPIRE', batch_key(batch, part), ttl) end
  redis.call('SET', batch_key(batch, ':gone'), batch_field(batch, 'owner') or '', 'PX', ttl + tonumber(batch_field(batch, 'tombstone')))
  local key = batch_field(batch, 'idempotency')
  if key and redis.call('PTTL', key) > ttl then redis.call('PEXPIRE', key, ttl) end
  redis.call('ZREM', 'batches:active', batch)
  redis.call('ZADD', 'batches:expiring', now() + ttl, batch)
  local webhook = load(batch_key(batch), 'webhook')
  if webhook and webhook.state == 'pending' and not batch_field(batch, 'deleting') then
    redis.call('ZADD', 'webhooks:due', now(), batch .. '|batch')
    redis.call('ZADD', 'webhooks:log', now_micros(), batch .. '|batch')
  end
end

-- Note in its batch how a job has ended, or that it was deleted.
local function settle_in_batch(job, outcome)
  local found = redis.call('HMGET', record(job), 'batch', 'place', 'total')
  local batch, place = found[1], found[2]
  if not batch or batch == '' or redis.call('EXISTS', batch_key(batch)) == 0 then return end
  local read = string.format('|%d|%d', tonumber(found[3] or '0') or 0, count(job, 'finished'))
  redis.call('HSET', batch_key(batch, ':outcomes'), place, outcome .. read)
  local left = redis.call('PTTL', batch_key(batch))
  if left > 0 then redis.call('PEXPIRE', batch_key(batch, ':outcomes'), left) end
  redis.call('SREM', batch_key(batch, ':open'), job)
  batch_event(batch, 'job.' .. outcome, 'job_id', job)
  end_batch_if_done(batch)
end

-- Make the copy of a changed result in its bucket due again.
local function put_result_again(job)
  local copy = load(record(job), 'result_s3')
  if not copy then return end
  copy.state, copy.attempts, copy.error, copy.next_attempt_at = 'pending', 0, nil, nil
  save(record(job), 'result_s3', copy)
  redis.call('ZADD', 'transfers:due', now(), job .. '|result')
end

-- Let a job into its batch. Returns whether it may be created: not if the batch is gone or ends, or its place has another outcome.
local function join_batch(batch, place, entry, job)
  if batch_field(batch, 'state') ~= 'processing' or batch_field(batch, 'closing') then return false end
  if redis.call('HEXISTS', batch_key(batch, ':outcomes'), place) == 1 then return false end
  if redis.call('HSETNX', batch_key(batch, ':entries'), place, entry) == 1 then
    redis.call('ZADD', batch_key(batch, ':places'), 0, place)
    redis.call('SADD', batch_key(batch, ':open'), job)
  end
  redis.call('HSET', batch_key(batch), 'joined_at', now())
  batch_event(batch, 'job.queued', 'job_id', job)
  return true
end

-- Let a batch wait again for a job of it that had ended. One that has ended goes on; its webhook is not sent a second time.
-- Returns false if there is no such batch any more.
local function reopen_batch(batch, place, job)
  if redis.call('EXISTS', batch_key(batch)) == 0 then return false end
  redis.call('HDEL', batch_key(batch, ':outcomes'), place)
  redis.call('SADD', batch_key(batch, ':open'), job)
  if batch_field(batch, 'state') ~= 'processing' then
    redis.call('HSET', batch_key(batch), 'state', 'processing', 'joined_at', now())
    redis.call('HDEL', batch_key(batch), 'completed_at', 'expires_at', 'closing')
    redis.call('DEL', batch_key(batch, ':gone'))
    redis.call('ZREM', 'batches:expiring', batch)
    redis.call('ZADD', 'batches:active', now() / 1000, batch)
  end
  for _, part in ipairs(BATCH_PARTS) do redis.call('PERSIST', batch_key(batch, part)) end
  batch_event(batch, 'job.queued', 'job_id', job)
  return true
end

-- Whether the job or batch of an Idempotency-Key can still be shown; if it was deleted, the key is free again.
local function is_held(id)
  return redis.call('EXISTS', record(id), 'job:' .. id .. ':gone', batch_key(id), batch_key(id, ':gone')) > 0
end

-- Which bound of the queue is broken by so many more jobs with so many bytes; nil if none is. Bounds are {jobs, pages, bytes}, 0 for none.
local function broken_bound(most, jobs, bytes)
  local unfinished = {
    jobs = redis.call('ZCARD', 'jobs:active') + jobs,
    pages = tonumber(redis.call('HGET', 'load', 'pages') or '0') + jobs,
    bytes = tonumber(redis.call('HGET', 'load', 'bytes') or '0') + bytes,
  }
  for _, what in ipairs({'jobs', 'pages', 'bytes'}) do
    if most[what] > 0 and unfinished[what] > most[what] then return what end
  end
end
-- Uploads that no job has used yet: their number and bytes, in all and by caller, are fields of one hash.
local UPLOADS_LOAD = 'uploads:load'

local function count_uploads(caller, number, bytes)
  for field, by in pairs({['n'] = number, ['b'] = bytes, ['n:' .. caller] = number, ['b:' .. caller] = bytes}) do
    -- With a zero added, the minus zero of an empty upload is no '-0', which Redis does not take for a number.
    if redis.call('HINCRBY', UPLOADS_LOAD, field, string.format('%.0f', by + 0)) <= 0 then
      redis.call('HDEL', UPLOADS_LOAD, field)
    end
  end
end

-- The bound that a caller's uploads would break if this much were added: its name, what there is and the limit; nil for none.
local function broken_upload_bound(caller, number, bytes, limits)
  local bounds = {
    {'caller_uploads', 'n:' .. caller, number}, {'caller_bytes', 'b:' .. caller, bytes},
    {'uploads', 'n', number}, {'bytes', 'b', bytes},
  }
  for i, bound in ipairs(bounds) do
    local limit, there = tonumber(limits[i]), tonumber(redis.call('HGET', UPLOADS_LOAD, bound[2]) or '0')
    if limit > 0 and bound[3] > 0 and there + bound[3] > limit then
      return {bound[1], string.format('%.0f', there), string.format('%.0f', limit)}
    end
  end
end

local function upload(id) return 'upload:' .. id end

-- Count this many bytes for an upload from now on. One that a job has used counts nothing.
local function reserve_upload(id, bytes)
  local caller, before, used = unpack(redis.call('HMGET', upload(id), 'caller', 'reserved', 'used'))
  if used == '1' then return end
  count_uploads(caller, 0, bytes - tonumber(before))
  redis.call('HSET', upload(id), 'reserved', string.format('%.0f', bytes))
end

-- Stop counting an upload.
local function release_upload(id)
  local caller, bytes, used = unpack(redis.call('HMGET', upload(id), 'caller', 'reserved', 'used'))
  if caller and used ~= '1' then count_uploads(caller, -1, -tonumber(bytes)) end
end

local function expire_upload(id, milliseconds)
  local expires = string.format('%.0f', now() + tonumber(milliseconds))
  redis.call('HSET', upload(id), 'expires', expires)
  redis.call('ZADD', 'uploads:expiring', expires, id)
  return expires
end
