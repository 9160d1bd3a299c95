-- Note that an extraction is asked of a completed job. ARGV: job, extraction as JSON
-- Returns 1, or 0 if there is no such job. One that has ended is made again; of many that have ended, the oldest are forgotten.
local MAX_ENDED = 50
local job, asked = ARGV[1], cjson.decode(ARGV[2])
if state(job) ~= 'completed' then return 0 end
local kept, ended = {}, 0
local listed = extractions(job)
for i = #listed, 1, -1 do
  local one = listed[i]
  if one.status ~= 'pending' then ended = ended + 1 end
  if one.id == asked.id and one.status == 'pending' then asked = one end
  if one.id ~= asked.id and (one.status == 'pending' or ended <= MAX_ENDED) then table.insert(kept, 1, one) end
end
kept[#kept + 1] = asked
save(record(job), 'extractions', kept)
redis.call('SADD', 'jobs:extracting', job)
return 1
