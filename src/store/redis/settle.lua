-- Hosts tell what they let in, many windows in one call, and hear what the
-- others did (core/limit_settle.h). The windows are those of limit.lua: its
-- fields b, c and p, and for each host a field of its own with its share of c.
-- KEYS[1]: the list of the hosts; then the windows. ARGV[1]: this host;
-- then for each window its length in ms, the bucket in which something was let
-- in, how much (below zero: given back), and the host's field.
-- Returns the time in µs, how many hosts there are, and for each window the
-- bucket it has now, what others took in it, and what all took in the one
-- before.
local HOSTS = 10000 -- ms for which a host is one that has told something
local AHEAD = 100 -- ms by which the clock of a host may be
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
-- Who has told something lately, as "host:ms host:ms …".
local seen = {}
local list = redis.pcall('HGET', KEYS[1], 'seen')
if type(list) == 'table' then redis.call('DEL', KEYS[1]) end
list = type(list) == 'string' and string.sub(list, 1, 8192) or ''
for host, at in string.gmatch(list, '(%w+):(%d+)') do
	local age = now - at
	if host ~= ARGV[1] and age > -HOSTS and age < HOSTS then
		seen[#seen + 1] = host .. ':' .. at
	end
end
seen[#seen + 1] = ARGV[1] .. ':' .. string.format('%.0f', now)
redis.call('HSET', KEYS[1], 'seen', table.concat(seen, ' '))
redis.call('PEXPIRE', KEYS[1], HOSTS)

local out = {time[1] * 1000000 + time[2], #seen}

for i = 2, #KEYS do
	local a = (i - 2) * 4 + 1
	local window, at = tonumber(ARGV[a + 1]), tonumber(ARGV[a + 2])
	local n, field = tonumber(ARGV[a + 3]), ARGV[a + 4]
	local bucket = math.floor(now / window)
	local soon = math.floor((now + AHEAD) / window)
	local h = redis.pcall('HMGET', KEYS[i], 'b', 'c', 'p', field)
	local c, p, own = 0, 0, 0

	-- Who is a little ahead begins the bucket for all.
	if at == soon or not h.err and tonumber(h[1]) == soon then
		bucket = soon
	end

	if not h.err and tonumber(h[1]) == bucket then
		c, p = tonumber(h[2]) or 0, tonumber(h[3]) or 0
		own = tonumber(h[4]) or 0
	else
		if not h.err and tonumber(h[1]) == bucket - 1 then
			p = tonumber(h[2]) or 0
		end
		redis.call('DEL', KEYS[i])
	end
	if at == bucket then
		c, own = math.max(0, c + n), math.max(0, own + n)
	elseif at == bucket - 1 then
		p = math.max(0, p + n)
	end
	redis.call('HSET', KEYS[i], 'b', bucket, 'c', c, 'p', p, field, own)
	redis.call('PEXPIRE', KEYS[i], 2 * window)
	out[#out + 1] = bucket
	out[#out + 1] = math.max(0, c - own)
	out[#out + 1] = p
end
return out
