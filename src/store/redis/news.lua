-- What hosts tell each other at once (core/session/session_news.h): the last
-- 64 changes, numbered. KEYS[1]: a hash of them; ARGV[1]: the number heard
-- last, or -1; ARGV[2]: a change to tell, or ''.
-- Returns the number told last, then what was told after ARGV[1], where it is
-- still there.
-- What is not of its making begins anew.
local KEPT, LIFE = 64, 3600000
local h = redis.pcall('HGET', KEYS[1], 'n')
local n = type(h) == 'string' and string.match(h, '^%d+$') and tonumber(h) or 0
if type(h) == 'table' or n > 2^52 then redis.call('DEL', KEYS[1]) end
n = n <= 2^52 and n or 0
local since = tonumber(ARGV[1])

if ARGV[2] ~= '' then
	n = n + 1
	redis.call('HSET', KEYS[1], 'n', n, n % KEPT, ARGV[2])
	redis.call('PEXPIRE', KEYS[1], LIFE)
end
-- Who tells does not listen (-1). A server that began anew counts from one.
if since < 0 then since = n elseif since > n then since = 0 end
local out = {n}
for i = math.max(since, n - KEPT) + 1, n do
	out[#out + 1] = redis.call('HGET', KEYS[1], i % KEPT) or ''
end
return out
