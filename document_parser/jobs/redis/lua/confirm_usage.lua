-- Forget counts that are in the database. ARGV: name of their batch. Returns 1; 0 if another batch has been taken since.
if redis.call('GET', 'usage:batch') ~= ARGV[1] then return 0 end
redis.call('DEL', 'usage:batch', 'usage:taken')
return 1
