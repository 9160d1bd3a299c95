-- Make pending pages ready for readers. ARGV: job, page numbers ... Returns how many became ready.
local job, made = ARGV[1], 0
if state(job) ~= 'processing' then return 0 end
for i = 2, #ARGV do
  local entry = load(pages(job), ARGV[i])
  if entry and entry.state == 'pending' then
    entry.state = 'ready'
    save(pages(job), ARGV[i], entry)
    make_ready(job, ARGV[i], 'RPUSH')
    made = made + 1
  end
end
return made
