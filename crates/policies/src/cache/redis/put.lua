-- Stores one variant of an answer, and of the others the newest for which there is room.
-- KEYS[1]: the hash of the variants. ARGV: the variant's name, its record, milliseconds to keep it, most variants, most bytes.
-- `order` has the names, 16 bytes each, the newest first.
local key, name, record = KEYS[1], ARGV[1], ARGV[2]
local keep, most, room = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local kind = redis.call('TYPE', key).ok
if kind ~= 'hash' and kind ~= 'none' then redis.call('DEL', key) end

local order = redis.call('HGET', key, 'order') or ''
local names, bytes, gone = { name }, #record, {}
for at = 1, #order - 15, 16 do
  local other = string.sub(order, at, at + 15)
  if other ~= name then
    local size = redis.call('HSTRLEN', key, other)
    if size > 0 and #names < most and bytes + size <= room then
      names[#names + 1] = other
      bytes = bytes + size
    else
      gone[#gone + 1] = other
    end
  end
end
-- What needs room comes first: after another write a server that is full would let it pass.
redis.call('HSET', key, name, record, 'order', table.concat(names))
if #gone > 0 then redis.call('HDEL', key, unpack(gone, 1, math.min(#gone, 1000))) end
if redis.call('HLEN', key) ~= #names + 1 then
  -- Somebody else's fields are among them.
  redis.call('DEL', key)
  redis.call('HSET', key, name, record, 'order', name)
end
if redis.call('PTTL', key) < keep then redis.call('PEXPIRE', key, keep) end
return 1
