-- Renew the leases of requests that are not answered yet. ARGV: milliseconds of a lease, number of pairs that follow, pairs of a
-- server and a request that has been answered, then pairs of a server and a request that has not
local lease, first = tonumber(ARGV[1]), 3 + 2 * tonumber(ARGV[2])
drop_asked(3, first - 1)
for i = first, #ARGV, 2 do
  -- A request that another caller has reported as answered meanwhile is not added again.
  redis.call('ZADD', asked(ARGV[i]), 'XX', now() + lease, ARGV[i + 1])
  redis.call('PEXPIRE', asked(ARGV[i]), 2 * lease)
end
return 1
