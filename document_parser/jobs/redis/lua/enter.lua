-- A reader takes its slot. ARGV: slot, actor. Returns 0 where another living reader has it.
local holder = redis.call('HGET', 'readers', ARGV[1])
if holder and holder ~= ARGV[2] and alive(holder) then return 0 end
redis.call('HSET', 'readers', ARGV[1], ARGV[2])
return 1
