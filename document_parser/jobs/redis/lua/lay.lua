-- Lay the ledger: one entry a page to read. Laying it again changes nothing.
-- ARGV: job, pages of the document, its lane from now on, page numbers ...
local job = ARGV[1]
if state(job) ~= 'processing' then return 0 end
for i = 4, #ARGV do
  redis.call('HSETNX', pages(job), ARGV[i], '{"state":"pending"}')
end
if redis.call('HEXISTS', record(job), 'total') == 0 then redis.call('HINCRBY', 'load', 'pages', #ARGV - 3) end
redis.call('HSET', record(job), 'total', #ARGV - 3, 'page_count', ARGV[2], 'lane', ARGV[3])
event(job, 'job.opened', 'pages', #ARGV - 3)
return 1
