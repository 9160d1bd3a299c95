-- Create the record of an upload, unless the caller or the service has too many.
-- ARGV: id, caller, bytes to count, the four limits (uploads and bytes of a caller, uploads and bytes in all; 0 for none),
-- milliseconds until it expires, then the fields of the record and their values
-- Returns {'ok', when it expires}, or {the broken bound, what there is, the limit}.
local id, caller, bytes = ARGV[1], ARGV[2], tonumber(ARGV[3])
local broken = broken_upload_bound(caller, 1, bytes, {ARGV[4], ARGV[5], ARGV[6], ARGV[7]})
if broken then return broken end
count_uploads(caller, 1, bytes)
redis.call('HSET', upload(id), 'caller', caller, 'reserved', string.format('%.0f', bytes), unpack(ARGV, 9))
return {'ok', expire_upload(id, ARGV[8])}
