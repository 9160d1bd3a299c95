-- Reserve free slots for readers that are then enqueued. ARGV: how many readers there may be, then an RQ job id for each slot
-- Returns the slots (from 1) that were free and are now reserved; none while nothing is ready.
local called = {}
if not anything_ready() then return called end
for slot = 1, tonumber(ARGV[1]) do
  if redis.call('HEXISTS', 'readers', slot) == 0 then
    redis.call('HSET', 'readers', slot, 'rung|' .. now() .. '|' .. ARGV[slot + 1])
    called[#called + 1] = slot
  end
end
return called
