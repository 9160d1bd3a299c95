-- A request goes to the server with the least to do. ARGV: request, milliseconds of its lease, how many pairs follow, pairs of
-- a server and a request that is answered by now, then of each candidate its name, what it told that it has to do, and how
-- many requests were counted there then, or '' for now
-- Returns the position of the one that is to be asked, and how many requests each had before.
local request, lease = ARGV[1], tonumber(ARGV[2])
local first = 4 + 2 * tonumber(ARGV[3])
drop_asked(4, first - 1)
local found, least, best = {}, nil, 1
for i = first, #ARGV, 3 do
  local key = asked(ARGV[i])
  redis.call('ZREMRANGEBYSCORE', key, '-inf', now())
  local count = redis.call('ZCARD', key)
  local load = ARGV[i + 2] == '' and tonumber(ARGV[i + 1]) or ARGV[i + 1] - ARGV[i + 2] + count
  found[#found + 1] = count
  if not least or load < least then least, best = load, #found end
end
keep_asked(ARGV[first + 3 * (best - 1)], request, lease)
table.insert(found, 1, best)
return found
