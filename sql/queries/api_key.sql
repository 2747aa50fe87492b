-- name: api_key_find
-- 1 public part of the key
-- safe: yes
select k.id, k.user_id, k.secret_hash,
	case when k.previous_until > now() then k.previous_hash end,
	array_to_string(k.scopes, ','), k.rate_limit,
	array_to_string(k.allowed_ips, ','), k.name,
	key_lives(k, u),
	array_to_string(u.roles, ','), (select version from role_version),
	u.two_factor_enabled, u.is_verified, k.last_used_at is null
from api_keys k join users u on u.id = k.user_id
where k.key_id = $1;

-- name: api_key_refused
-- Written once an hour for a key and reason. 1 id, 2 reason, 3 ip, 4 user
-- agent, 5 request id
with k as (
	select id, user_id from api_keys where id = $1::uuid
), c as (
	select allowed from charge('refused:' || $1 || ':' || $2, 1,
		3600000000, 0)
)
insert into audit_logs (user_id, action, resource, result, reason,
	ip_address, user_agent, request_id)
select k.user_id, 'apikey.refused', 'api_keys', 'failure', $2, $3, $4, $5
from k, c where c.allowed;

-- name: api_key_damaged
-- What was sent as a key and is none, a row a minute and network. 1 network,
-- 2 ip, 3 user agent, 4 request id
with c as (
	select allowed from charge('refused:' || $1, 1, 60000000, 0)
)
insert into audit_logs (action, resource, result, reason, ip_address,
	user_agent, request_id)
select 'apikey.refused', 'api_keys', 'failure', 'checksum', $2, $3, $4
from c where c.allowed;

-- name: api_key_used
-- Counts and last uses that a process gathered, in one statement; locked in
-- one order, so that two processes never wait for each other.
-- 1 ids, 2 uses, both comma separated
with u as (
	select id::uuid, uses::bigint
	from unnest(string_to_array($1, ','), string_to_array($2, ','))
		as t (id, uses)
), k as (
	select api_keys.id, u.uses from api_keys join u on u.id = api_keys.id
	order by api_keys.id for update of api_keys
)
update api_keys set usage_count = usage_count + k.uses, last_used_at = now()
from k where api_keys.id = k.id;

-- name: api_key_create
-- 1 id, 2 key id, 3 user id, 4 name, 5 secret hash, 6 scopes, 7 rate limit,
-- 8 expires at µs or null, 9 addresses, 10 ip, 11 user agent, 12 request id,
-- 13 live keys at most. No row: he has as many as he may; two at once wait for
-- each other. Of revoked ones the last are kept, to tell who still tries them.
-- With an id that is there already the answer to the first try was lost (row
-- RE8), and the secret, which nobody saw, is replaced.
with u as materialized (
	select id from users where id = $3::uuid for no key update
), n as materialized (
	select id, live_api_keys(id, $1::uuid) as live from u
), k as (
	insert into api_keys (id, key_id, user_id, name, secret_hash, scopes,
		rate_limit, expires_at, allowed_ips)
	select $1::uuid, $2, n.id, $4, $5::bytea,
		coalesce(string_to_array(nullif($6, ''), ','), '{}'),
		$7::integer, from_us($8::bigint),
		coalesce(string_to_array(nullif($9, ''), ','), '{}')
	from n where n.live < $13::integer
	on conflict (id) do update set key_id = excluded.key_id,
		secret_hash = excluded.secret_hash
	returning id, created_at, xmax = 0 as made
), d as (
	delete from api_keys where id in (
		select id from api_keys
		where user_id = $3::uuid and not is_active
		order by created_at desc offset $13::integer)
), a as (
	insert into audit_logs (user_id, actor_id, action, resource, result,
		ip_address, user_agent, request_id)
	select $3::uuid, $3::uuid, 'apikey.create', 'api_keys', 'success',
		$10, $11, $12 from k where made
)
select to_us(created_at) from k;

-- name: api_key_list
-- 1 user id, 2 id or null for all, 3 limit, 4 offset
-- safe: yes
select id, key_id, name, array_to_string(scopes, ','), rate_limit,
	array_to_string(allowed_ips, ','), is_active, usage_count,
	to_us(last_used_at), to_us(expires_at), to_us(created_at),
	count(*) over ()
from api_keys
where user_id = $1::uuid and is_active
	and ($2::text is null or id::text = $2)
order by created_at desc, id desc limit $3::integer offset $4::integer;

-- name: api_key_revoke
-- 1 user id, 2 id, 3 ip, 4 user agent, 5 request id
with k as (
	update api_keys set is_active = false
	where user_id = $1::uuid and id::text = $2 and is_active
	returning id
), a as (
	insert into audit_logs (user_id, actor_id, action, resource, result,
		ip_address, user_agent, request_id)
	select $1::uuid, $1::uuid, 'apikey.revoke', 'api_keys', 'success',
		$3, $4, $5 from k
)
select id from k;

-- name: api_key_rotate
-- The old secret lives on for the overlap; the public part stays.
-- 1 user id, 2 id, 3 new secret hash, 4 overlap µs, 5 ip, 6 user agent,
-- 7 request id
with k as (
	update api_keys set previous_hash = secret_hash,
		previous_until = now() + $4::bigint * interval '1 microsecond',
		secret_hash = $3::bytea
	where user_id = $1::uuid and id::text = $2 and is_active
	returning id
), a as (
	insert into audit_logs (user_id, actor_id, action, resource, result,
		ip_address, user_agent, request_id)
	select $1::uuid, $1::uuid, 'apikey.rotate', 'api_keys', 'success',
		$5, $6, $7 from k
)
select id from k;

-- name: introspect_session
-- Is the session behind a refresh token alive? 1 session id, 2 generation
-- safe: yes
select s.user_id, u.username, to_us(s.expires_at), to_us(s.created_at)
from sessions s join users u on u.id = s.user_id
where s.id = $1::uuid and s.generation = $2::bigint and s.ended_at is null
	and s.expires_at > now() and u.is_active;
