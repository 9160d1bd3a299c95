-- Count a request at the least loaded server. ARGV: request, milliseconds of its lease, number of pairs that follow, pairs of a
-- server and a request that has been answered, then for each candidate its name, the load that it reported, and how many
-- requests were counted there at that time, or '' for now
-- Returns the position of the chosen candidate, and how many requests each candidate had before.
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
