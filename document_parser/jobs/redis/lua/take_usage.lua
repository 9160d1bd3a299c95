-- Take the counts to write to the database: those that were taken before and not confirmed, else all that are pending.
-- ARGV: name for a new batch. Returns the name of the batch, then fields and counts; nothing if nothing is pending, or if the quotas
-- were not restored since Redis began: see restore_quotas.
local batch = redis.call('GET', 'usage:batch')
if not batch then
  if redis.call('EXISTS', 'usage:pending') == 0 or redis.call('EXISTS', QUOTAS_RESTORED) == 0 then return {} end
  redis.call('RENAME', 'usage:pending', 'usage:taken')
  redis.call('SET', 'usage:batch', ARGV[1])
  batch = ARGV[1]
end
local found = redis.call('HGETALL', 'usage:taken')
table.insert(found, 1, batch)
return found
