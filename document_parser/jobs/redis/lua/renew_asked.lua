-- Whoever asks still waits. ARGV: milliseconds of a lease, how many pairs follow, pairs of a server and a request that is
-- answered by now, then such pairs of those that are not
local lease, first = tonumber(ARGV[1]), 3 + 2 * tonumber(ARGV[2])
drop_asked(3, first - 1)
for i = first, #ARGV, 2 do
  -- What was answered since this was put together, and told by somebody else, does not come back.
  redis.call('ZADD', asked(ARGV[i]), 'XX', now() + lease, ARGV[i + 1])
  redis.call('PEXPIRE', asked(ARGV[i]), 2 * lease)
end
return 1
