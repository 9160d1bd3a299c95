-- Claim transfers that are due, the one due longest first. ARGV: how many at most, milliseconds after which a result is due again
-- Returns their names. If the process dies with a claimed result, that is due again by itself; a lost fetch is found by the sweep.
local found = {}
for _, name in ipairs(redis.call('ZRANGEBYSCORE', 'transfers:due', '-inf', now(), 'LIMIT', 0, ARGV[1])) do
  local job, what = string.match(name, '^(.-)|(.*)$')
  if what == 'result' and state(job) then
    redis.call('ZADD', 'transfers:due', now() + tonumber(ARGV[2]), name)
  else
    redis.call('ZREM', 'transfers:due', name)
  end
  if state(job) then found[#found + 1] = name end
end
return found
