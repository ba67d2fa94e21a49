-- One decision of a limit, as `limit/` makes it: the same numbers, bit by bit. All of them are whole and below 2^53, where doubles are
-- exact; `div` and `math.fmod` stay exact, `/` and `%` by themselves would not.
-- KEYS[1]: the entry. ARGV: letter of the algorithm, period, capacity, pour, leak, cost, and in tests the time in milliseconds.
-- Gives: allowed, remaining, reset, retry (-1 if there is none).
local period, capacity = tonumber(ARGV[2]), tonumber(ARGV[3])
local pour, leak, cost = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local now, longer = tonumber(ARGV[7]), 0
if now then
  longer = 60000
else
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end

local function div(a, b) return (a - math.fmod(a, b)) / b end
local function ceil(a, b)
  local rest = math.fmod(a, b)
  if rest == 0 then return a / b end
  return (a - rest) / b + 1
end

-- What was counted: three numbers and when they say nothing any more. Anything else is nothing.
local x, y, z, expires
local kept = redis.pcall('GET', KEYS[1])
if type(kept) == 'string' and #kept <= 80 then
  x, y, z, expires = string.match(kept, '^(%d+):(%d+):(%d+):(%d+)$')
  x, y, z, expires = tonumber(x), tonumber(y), tonumber(z), tonumber(expires)
  if not x or math.max(x, y, z, expires) > 4503599627370496 or now >= expires then x = nil end
end

-- What to make of a kept moment that is later than now: see Moment::behind.
local set_back = false
local function behind(moment)
  if moment <= now then return moment, now end
  if moment - now <= period then return moment, moment end
  set_back = true
  return now, now
end

local want = math.max(cost, 1)
local allowed, remaining, reset, retry
if ARGV[1] == 's' then
  local aligned = now - math.fmod(now, period)
  local start, before, here = aligned, 0, 0
  if x then
    y, z = math.min(y, capacity), math.min(z, capacity)
    behind(x)
    if set_back then start, before, here = aligned, y, z
    elseif aligned <= x then start, before, here = x, y, z
    elseif aligned - x <= period then before = z
    end
  end
  local at = math.max(now, start)
  local left = period - (at - start)
  local full = capacity * period
  local used = before * left + here * period
  allowed = want <= capacity and used + want * period <= full
  if not allowed and want <= capacity then
    if here + want <= capacity then
      retry = at - now + ceil(used + want * period - full, before)
    else
      retry = at - now + left + ceil((here + want - capacity) * period, here)
    end
  end
  if allowed and cost > 0 then here, used = here + want, used + want * period end
  remaining = div(math.max(full - used, 0), period)
  reset = at - now + left
  x, y, z, expires = start, before, here, start + 2 * period
elseif ARGV[1] == 'b' then
  local at, level = now, 0
  if x and z > 0 then
    level = y
    if z == pour then level = math.min(level, capacity * pour)
    else level = math.min(ceil(level, z), capacity) * pour end
    local moment
    moment, at = behind(x)
    if at - moment >= ceil(level, leak) then level = 0
    else level = level - (at - moment) * leak end
  end
  local brim = capacity * pour
  local fits = want <= capacity
  allowed = fits and level + want * pour <= brim
  if fits and not allowed then retry = at - now + ceil(level + want * pour - brim, leak) end
  if allowed and cost > 0 then level = level + want * pour end
  expires = at + ceil(level, leak)
  remaining = div(brim - level, pour)
  reset = expires - now
  x, y, z = at, level, pour
else
  local start, passed, at = now, 0, now
  if x and now < x + period then
    start, at = behind(x)
    passed = math.min(y, capacity)
  end
  allowed = want <= capacity - passed
  if allowed and cost > 0 then passed = passed + want end
  reset = at - now + (start + period - at)
  if not allowed and want <= capacity then retry = reset end
  remaining = capacity - passed
  x, y, z, expires = start, passed, 0, start + period
end

if (allowed and cost > 0) or set_back then
  local text = string.format('%.0f:%.0f:%.0f:%.0f', x, y, z, expires)
  redis.call('SET', KEYS[1], text, 'PX', string.format('%.0f', math.max(expires - now, 1) + longer))
end
return { allowed and 1 or 0, remaining, reset, retry or -1 }
