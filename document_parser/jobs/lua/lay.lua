-- Lay the ledger: one entry a page to read. Laying it again changes nothing.
-- ARGV: job, pages of the document, page numbers ...
local job = ARGV[1]
if state(job) ~= 'processing' then return 0 end
for i = 3, #ARGV do
  redis.call('HSETNX', pages(job), ARGV[i], '{"state":"pending"}')
end
redis.call('HSET', record(job), 'total', #ARGV - 2, 'page_count', ARGV[2])
event(job, 'job.opened', 'pages', #ARGV - 2)
return 1
