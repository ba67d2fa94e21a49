-- The life of a URI: eight random bytes, which every answer stored under it carries. What carries others is dead.
-- KEYS[1]: the life. ARGV: eight bytes for a new one, milliseconds that it lasts at least.
local there = redis.pcall('GET', KEYS[1])
if type(there) == 'string' and #there == 8 then return there end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return ARGV[1]
