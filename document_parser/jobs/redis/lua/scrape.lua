-- Read the gauges of this moment, and the counters. ARGV: hash of the counters, lists of RQ's queues of documents ...
-- Returns {JSON {numbers, in_flight, workers}, fields and values of the counters}.
local function age_of_oldest(key)
  local oldest = redis.call('ZRANGE', key, 0, 0, 'WITHSCORES')[2]
  return oldest and math.max(0, now() / 1000 - tonumber(oldest)) or 0
end

local pages_ready = 0
for _, lane in ipairs(LANES) do
  for _, owner in ipairs(redis.call('LRANGE', ready_owners(lane), 0, -1)) do
    for _, job in ipairs(redis.call('LRANGE', ready_jobs(lane, owner), 0, -1)) do
      pages_ready = pages_ready + redis.call('LLEN', ready_list(job))
    end
  end
end

local documents_waiting = 0
for i = 2, #ARGV do documents_waiting = documents_waiting + redis.call('LLEN', ARGV[i]) end

local readers = 0
for _, holder in ipairs(redis.call('HVALS', 'readers')) do
  if alive(holder) then readers = readers + 1 end
end

local in_flight = {}
for _, server in ipairs(redis.call('SMEMBERS', 'asked')) do
  in_flight[#in_flight + 1] = {server, redis.call('ZCOUNT', asked(server), now(), '+inf')}
end

local workers = {}
for _, key in ipairs(redis.call('SMEMBERS', 'rq:workers')) do
  workers[#workers + 1] = {redis.call('PTTL', key), redis.call('HMGET', key, 'death', 'state')}
end

local numbers = {
  queued = redis.call('ZCARD', 'jobs:queued'),
  open = redis.call('ZCARD', 'jobs:active'),
  oldest_queued_job_age_seconds = age_of_oldest('jobs:queued'),
  oldest_open_job_age_seconds = age_of_oldest('jobs:active'),
  documents_waiting = documents_waiting,
  pages_ready = pages_ready,
  pages_suspect = redis.call('LLEN', 'suspects'),
  claims = redis.call('ZCARD', 'claims'),
  readers = readers,
  webhooks_pending = redis.call('ZCARD', 'webhooks:due'),
  webhooks_given_up = redis.call('ZCARD', 'webhooks:failed'),
}
return {cjson.encode({numbers = numbers, in_flight = in_flight, workers = workers}), redis.call('HGETALL', ARGV[1])}
