-- Add to the quotas what the database knows of this day and month, once after Redis began or has lost its data.
-- ARGV: day, month, then for each owner: owner, documents of the day, documents of the month, pages of the month
-- Returns how many owners there were; -1 if it was done before.
if not redis.call('SET', QUOTAS_RESTORED, '1', 'NX') then return -1 end
local day, month = ARGV[1], ARGV[2]
for i = 3, #ARGV, 4 do
  for at, quota in ipairs({'documents_per_day', 'documents_per_month', 'pages_per_month'}) do
    count_quota(ARGV[i], quota, day, month, tonumber(ARGV[i + at]))
  end
end
return (#ARGV - 2) / 4
