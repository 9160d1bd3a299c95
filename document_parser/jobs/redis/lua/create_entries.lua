-- Create the ledger's entries, one for each page to read. Repeating it changes nothing.
-- ARGV: job, number of the document's pages, its new lane, page numbers ...
-- Returns 1, or 0 if the job is not being processed.
local job = ARGV[1]
if state(job) ~= 'processing' then return 0 end
for i = 4, #ARGV do
  redis.call('HSETNX', pages(job), ARGV[i], '{"state":"pending"}')
end
if redis.call('HEXISTS', record(job), 'total') == 0 then redis.call('HINCRBY', 'load', 'pages', #ARGV - 3) end
redis.call('HSET', record(job), 'total', #ARGV - 3, 'page_count', ARGV[2], 'lane', ARGV[3])
event(job, 'job.opened', 'pages', #ARGV - 3)
return 1
