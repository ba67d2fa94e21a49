-- What lies before the bodies of the records under a key: name and beginning of each, by turns.
-- KEYS[1]: the hash of the variants.
local key, heads = KEYS[1], {}
local order = redis.call('HGET', key, 'order') or ''
for at = 1, math.min(#order - 15, 16 * 64), 16 do
  local name = string.sub(order, at, at + 15)
  local record = redis.call('HGET', key, name)
  if record then
    -- Check and times, then the parts of which the body is the last.
    local place = 29
    for _ = 1, 5 do
      if place + 3 > #record then break end
      place = place + 4 + struct.unpack('<I4', record, place)
    end
    heads[#heads + 1] = name
    heads[#heads + 1] = string.sub(record, 1, place - 1)
  end
end
return heads
