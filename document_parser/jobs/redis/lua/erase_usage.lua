-- Let counts of usage that are not in the database yet be nobody's. ARGV: owner
-- Returns how many there were.
local changed = 0
for _, key in ipairs({'usage:pending', 'usage:taken'}) do
  local found = redis.call('HGETALL', key)
  for i = 1, #found, 2 do
    local whose, rest = string.match(found[i], '^([^|]*)|[^|]*|(.*)$')
    if whose == ARGV[1] then
      redis.call('HDEL', key, found[i])
      redis.call('HINCRBY', key, '||' .. rest, found[i + 1])
      changed = changed + 1
    end
  end
end
return changed
