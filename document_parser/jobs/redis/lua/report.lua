-- Keep gauges that a process has measured until they expire, and forget those that have.
-- ARGV: hash of the reports, name of the report, milliseconds that it is kept, samples as JSON
local key = ARGV[1]
for _, name in ipairs(redis.call('HKEYS', key)) do
  if cjson.decode(redis.call('HGET', key, name)).expires < now() then redis.call('HDEL', key, name) end
end
redis.call('HSET', key, ARGV[2], '{"expires":' .. string.format('%.0f', now() + tonumber(ARGV[3])) .. ',"samples":' .. ARGV[4] .. '}')
