-- Forget that jobs are to be written to the history. ARGV: member, its number when it was seen ...
-- One that has changed meanwhile stays.
for i = 1, #ARGV, 2 do
  local number = redis.call('ZSCORE', 'history:due', ARGV[i])
  if number and tonumber(number) == tonumber(ARGV[i + 1]) then redis.call('ZREM', 'history:due', ARGV[i]) end
end
return 1
