-- Read the gauges of this moment, and the counters.
-- ARGV: hash of the counters, hash of the reports, list of RQ's queue of what follows reading, then those of the lanes
-- Returns {JSON {numbers, lanes, pace, in_flight, workers, reports}, fields and values of the counters}.
local function age_at(created) return created and math.max(0, now() / 1000 - tonumber(created)) or 0 end

local function age_of_oldest(key) return age_at(redis.call('ZRANGE', key, 0, 0, 'WITHSCORES')[2]) end

-- To look at thousands of jobs takes a tenth of a second: what was found is shown for some seconds then, whoever asks.
local MANY_JOBS, SHOWN_MILLISECONDS, AT_ONCE = 1000, 5000, 500
local seen = 0

local function note_ages(waiting, jobs)
  for from = 1, #jobs, AT_ONCE do
    for _, created in ipairs(redis.call('ZMSCORE', 'jobs:active', unpack(jobs, from, math.min(#jobs, from + AT_ONCE - 1)))) do
      waiting.age = math.max(waiting.age, age_at(created))
    end
  end
  seen = seen + #jobs
end

-- What waits in a lane. An owner's documents to be opened are in the order in which they came; those with ready pages take turns.
local function look_at(lane, list)
  local waiting = {documents = redis.call('LLEN', list), pages = 0, suspects = 0, age = 0}
  for _, owner in ipairs(redis.call('LRANGE', plan_owners(lane), 0, -1)) do
    note_ages(waiting, redis.call('LRANGE', plan_jobs(lane, owner), 0, 0))
  end
  for _, owner in ipairs(redis.call('LRANGE', ready_owners(lane), 0, -1)) do
    local jobs = redis.call('LRANGE', ready_jobs(lane, owner), 0, -1)
    for _, job in ipairs(jobs) do waiting.pages = waiting.pages + redis.call('LLEN', ready_list(job)) end
    note_ages(waiting, jobs)
  end
  return waiting
end

local function look_at_lanes()
  local lanes = {}
  for i, lane in ipairs(LANES) do lanes[lane] = look_at(lane, ARGV[i + 3]) end
  for _, name in ipairs(redis.call('ZRANGE', 'transfers:due', 0, -1)) do
    local job = string.match(name, '^(.-)|fetch$')
    local waiting = job and lanes[lane_of(job)]
    if waiting then
      waiting.documents = waiting.documents + 1
      note_ages(waiting, {job})
    end
  end
  for _, name in ipairs(redis.call('LRANGE', 'suspects', 0, -1)) do
    local waiting = lanes[lane_of(string.match(name, '^(.-)|'))]
    if waiting then waiting.suspects = waiting.suspects + 1 end
  end
  return lanes
end

local lanes = redis.call('GET', 'metrics:lanes')
if lanes then
  lanes = cjson.decode(lanes)
else
  lanes = look_at_lanes()
  -- A Redis that is full keeps nothing, and is asked again.
  if seen > MANY_JOBS then redis.pcall('SET', 'metrics:lanes', cjson.encode(lanes), 'PX', SHOWN_MILLISECONDS) end
end

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

local reports = {}
for _, raw in ipairs(redis.call('HVALS', ARGV[2])) do
  local report = cjson.decode(raw)
  if report.expires >= now() then reports[#reports + 1] = report.samples end
end

local numbers = {
  queued = redis.call('ZCARD', 'jobs:queued'),
  open = redis.call('ZCARD', 'jobs:active'),
  finishing = redis.call('LLEN', ARGV[3]),
  oldest_queued_job_age_seconds = age_of_oldest('jobs:queued'),
  oldest_open_job_age_seconds = age_of_oldest('jobs:active'),
  pages_suspect = redis.call('LLEN', 'suspects'),
  claims = redis.call('ZCARD', 'claims'),
  readers = readers,
  webhooks_pending = redis.call('ZCARD', 'webhooks:due'),
  webhooks_given_up = redis.call('ZCARD', 'webhooks:failed'),
}
-- Without a sweeper there is no forecast, and while no page waits it measures no pace.
local measured = tonumber(redis.call('HGET', 'forecast', '#pace') or '0')
local last = tonumber(redis.call('GET', 'pace:last') or '0')
return {
  cjson.encode({numbers = numbers, lanes = lanes, pace = measured > 0 and measured or last,
    in_flight = in_flight, workers = workers, reports = reports}),
  redis.call('HGETALL', ARGV[1]),
}
