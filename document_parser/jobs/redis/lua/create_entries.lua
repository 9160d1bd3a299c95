-- Create the ledger's entries, one for each page to read. Repeating it changes nothing.
-- ARGV: job, number of the document's pages, its new lane, page numbers ...
-- Returns {'ok'}, {'ended'} if the job is not being processed, or {'quota', limit, used,
-- wanted, month, status of the refusal} if its owner has too few pages left.
local job, number = ARGV[1], #ARGV - 3
if state(job) ~= 'processing' then return {'ended'} end
local owner, month, limit, counted = unpack(redis.call('HMGET', record(job), 'owner', 'quota_month', 'pages_limit', 'quota_pages'))
if limit then
  local used = quota_used(owner, 'pages_per_month', '', month) - tonumber(counted)
  if used + number > tonumber(limit) then
    tally('quota_refusals|pages_per_month', 1)
    return {'quota', limit, tostring(used), tostring(number), month, redis.call('HGET', record(job), 'quota_status')}
  end
end
for i = 4, #ARGV do
  redis.call('HSETNX', pages(job), ARGV[i], '{"state":"pending"}')
end
if redis.call('HEXISTS', record(job), 'total') == 0 then redis.call('HINCRBY', 'load', 'pages', number) end
redis.call('HSET', record(job), 'total', number, 'page_count', ARGV[2], 'lane', ARGV[3])
count_quota_pages(job)
event(job, 'job.opened', 'pages', number)
return {'ok'}
