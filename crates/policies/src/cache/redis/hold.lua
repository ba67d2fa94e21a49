-- Lets a life go on for as long as an answer that carries it. Gives 0 if it is over.
-- KEYS[1]: the life. ARGV: the eight bytes, milliseconds.
if redis.pcall('GET', KEYS[1]) ~= ARGV[1] then return 0 end
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[2]) then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return 1
