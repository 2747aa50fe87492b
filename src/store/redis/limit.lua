-- Sliding window (security row RL9). KEYS[1]; ARGV: limit, window in ms, cost.
-- A key that is not of its making begins anew.
-- Returns {1 or 0, remaining, reset as Unix seconds, retry after in ms}. What
-- is refused is not counted. Every write sets the time to live in the same
-- step, so no key can stay for ever.
--
-- A small limit guards secrets and says how long to wait: the times of what
-- was let in are kept, which is exact. A large one is estimated from two
-- buckets, which costs the same whatever it is.
local EXACT = 32
local limit = tonumber(ARGV[1])
local window = tonumber(ARGV[2])
local cost = tonumber(ARGV[3])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

if limit <= EXACT then
	local kept, wait = {}, 0
	local at = redis.pcall('HGET', KEYS[1], 'at')
	if type(at) == 'table' then redis.call('DEL', KEYS[1]) end
	at = type(at) == 'string' and string.sub(at, 1, 1024) or ''
	for t in string.gmatch(at, '%d+') do
		local age = now - t
		if age > -1000 and age < window then kept[#kept + 1] = t end
	end
	local passes = #kept + cost <= limit
	if passes and cost > 0 then
		for _ = 1, cost do
			kept[#kept + 1] = string.format('%.0f', now)
		end
		redis.call('HSET', KEYS[1], 'at', table.concat(kept, ' '))
		redis.call('PEXPIRE', KEYS[1], window)
	elseif not passes then
		wait = (kept[#kept + cost - limit] or now) + window - now
	end
	return {passes and 1 or 0, math.max(0, limit - #kept),
		math.ceil(((kept[1] or now) + window) / 1000), wait}
end

local bucket = math.floor(now / window)
local passed = now - bucket * window
local h = redis.pcall('HMGET', KEYS[1], 'b', 'c', 'p')
local current, previous = 0, 0

if h.err then redis.call('DEL', KEYS[1]) end
if tonumber(h[1]) == bucket then
	current, previous = tonumber(h[2]) or 0, tonumber(h[3]) or 0
elseif tonumber(h[1]) == bucket - 1 then
	previous = tonumber(h[2]) or 0
end

local used = current + previous * (window - passed) / window
local reset = math.ceil((bucket + 1) * window / 1000)

if used + cost <= limit then
	if cost > 0 then
		redis.call('HSET', KEYS[1], 'b', bucket, 'c', current + cost,
			'p', previous)
		redis.call('PEXPIRE', KEYS[1], 2 * window)
	end
	return {1, math.floor(limit - used - cost), reset, 0}
end

-- How long until the older bucket weighs so little that cost fits: in this
-- window if the current bucket leaves room, else in the next one.
local room, older, wait = limit - cost - current, previous, 0
if room < 0 then
	wait = window - passed
	room, older, passed = limit - cost, current, 0
end
if room < 0 then
	wait = 2 * window
elseif older > 0 then
	wait = wait + math.max(0, window * (1 - room / older) - passed)
end
return {0, math.max(0, math.floor(limit - used)), reset,
	math.max(1, math.ceil(wait))}
