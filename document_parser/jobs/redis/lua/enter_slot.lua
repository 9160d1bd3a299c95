-- Let a reader take its slot. ARGV: slot, actor. Returns 1, or 0 if another living reader has it.
local holder = redis.call('HGET', 'readers', ARGV[1])
if holder and holder ~= ARGV[2] and alive(holder) then return 0 end
redis.call('HSET', 'readers', ARGV[1], ARGV[2])
return 1
