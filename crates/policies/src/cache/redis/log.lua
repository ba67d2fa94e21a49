-- The log of purges: what was purged, by when (microseconds of this server's clock, never the same twice). `floor` is its first
-- member: what was asked for before that is dead, whatever it is. A log that was lost begins anew, with its floor at that time.
-- KEYS[1]: the log. ARGV: milliseconds to keep it, most members, and what is purged: `floor` for all, nothing to begin only.
-- Gives the time of its last member.
local key, most, purged = KEYS[1], tonumber(ARGV[2]), ARGV[3]
local function text(number) return string.format('%.0f', number) end
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]

local kind = redis.call('TYPE', key).ok
local first, last = {}, {}
if kind == 'zset' then
  first = redis.call('ZRANGE', key, 0, 0, 'WITHSCORES')
  last = redis.call('ZREVRANGE', key, 0, 0, 'WITHSCORES')
end
local function is_time(score) return score and string.match(score, '^%d+$') end
if first[1] ~= 'floor' or not is_time(first[2]) or not is_time(last[2]) then
  if kind ~= 'none' then redis.call('DEL', key) end
  redis.call('ZADD', key, text(now), 'floor')
  last = { 'floor', text(now) }
end
last = tonumber(last[2])
if purged then
  last = math.max(now, last + 1)
  if purged == 'floor' then redis.call('DEL', key) end
  redis.call('ZADD', key, text(last), purged)
  if redis.call('ZCARD', key) > most then
    -- A quarter at once, so that it is not cut at each purge.
    local count = math.floor(most / 4)
    local newest = redis.call('ZRANGE', key, count, count, 'WITHSCORES')[2]
    redis.call('ZREMRANGEBYRANK', key, 1, count)
    redis.call('ZADD', key, newest, 'floor')
  end
end
redis.call('PEXPIRE', key, ARGV[1])
return text(last)
