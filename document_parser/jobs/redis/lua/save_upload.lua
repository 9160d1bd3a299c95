-- Write down what of an upload is durable.
-- ARGV: id, number of the holder, bytes to count, the two limits of bytes (of a caller, in all; 0 for none), milliseconds until
-- it expires, milliseconds of the lease, then the fields of the record and their values
-- Returns {'ok', when it expires}, {'lost'} if another request has taken the upload or it is gone, or {the broken bound, what there
-- is, the limit}: then nothing is written.
local id, holder, bytes = ARGV[1], ARGV[2], tonumber(ARGV[3])
local taken, caller, reserved, used = unpack(redis.call('HMGET', upload(id), 'holder', 'caller', 'reserved', 'used'))
if taken ~= holder then return {'lost'} end
if used ~= '1' then
  local broken = broken_upload_bound(caller, 0, bytes - tonumber(reserved), {0, ARGV[4], 0, ARGV[5]})
  if broken then return broken end
end
reserve_upload(id, bytes)
redis.call('HSET', upload(id), 'held_until', string.format('%.0f', now() + tonumber(ARGV[7])), unpack(ARGV, 8))
return {'ok', expire_upload(id, ARGV[6])}
