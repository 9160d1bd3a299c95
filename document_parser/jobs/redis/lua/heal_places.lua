-- Make the places of all owners those of their jobs and batches that have not ended. Returns how many places were wrong.
local true_places = {}
local function add(owner, upload)
  true_places[owner] = true_places[owner] or {}
  true_places[owner][upload] = (true_places[owner][upload] or 0) + 1
  redis.call('SADD', 'places', owner)
end

for _, job in ipairs(redis.call('ZRANGE', 'jobs:active', 0, -1)) do
  local owner, month, upload = unpack(redis.call('HMGET', record(job), 'owner', 'quota_month', 'upload'))
  if month then add(owner, upload) end
end
for _, batch in ipairs(redis.call('ZRANGE', 'batches:active', 0, -1)) do
  if batch_field(batch, 'quota_month') then
    for _, job in ipairs(redis.call('SMEMBERS', batch_key(batch, ':open'))) do
      if redis.call('EXISTS', record(job)) == 0 then add(batch_field(batch, 'owner'), job) end
    end
  end
end

local wrong = 0
for _, owner in ipairs(redis.call('SMEMBERS', 'places')) do
  local wanted, there = true_places[owner] or {}, redis.call('HGETALL', places(owner))
  for i = 1, #there, 2 do
    if not wanted[there[i]] then
      redis.call('HDEL', places(owner), there[i])
      wrong = wrong + 1
    elseif wanted[there[i]] == tonumber(there[i + 1]) then
      wanted[there[i]] = nil
    end
  end
  for upload, jobs in pairs(wanted) do
    redis.call('HSET', places(owner), upload, jobs)
    wrong = wrong + 1
  end
  if redis.call('EXISTS', places(owner)) == 0 then redis.call('SREM', 'places', owner) end
end
return wrong
