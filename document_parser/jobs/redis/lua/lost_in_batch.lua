-- List the jobs of a batch that were not created. ARGV: batch, milliseconds after the last creation of one before they count as lost
local lost, joined = {}, tonumber(batch_field(ARGV[1], 'joined_at') or '0')
if math.abs(now() - joined) < tonumber(ARGV[2]) then return lost end
for _, job in ipairs(redis.call('SMEMBERS', batch_key(ARGV[1], ':open'))) do
  if redis.call('EXISTS', record(job)) == 0 then lost[#lost + 1] = job end
end
return lost
