-- Administration of accounts. Each change is one statement behind
-- authorisation_lock in the same transaction; $1 is who acts. A row comes back
-- when the account exists; its last cell tells whether it was allowed: the
-- actor must hold the permission now, and all that the account holds.

-- name: authorisation_lock
select authorisation_lock();

-- name: admin_user_by_number
-- safe: yes
select id from users where numeric_id = $1::bigint;

-- name: admin_user_list
-- Newest first. The page is found by an index alone, then its rows are read.
-- One row at least: its last cell is the total, exact to ten thousand; beyond,
-- for all accounts, what the planner knows.
-- 1 role or null, 2 active or null, 3 verified or null, 4 only behind this id
-- or null, 5 limit, 6 offset
-- safe: yes
with page as materialized (
	select id from users
	where ($1::text is null or roles @> array[$1::text])
		and ($2::boolean is null or is_active = $2::boolean)
		and ($3::boolean is null or is_verified = $3::boolean)
		and ($4::uuid is null or id < $4::uuid)
	order by id desc limit $5::integer offset $6::integer
), counted as materialized (
	select count(*) as n from (
		select 1 from users
		where ($1::text is null or roles @> array[$1::text])
			and ($2::boolean is null or is_active = $2::boolean)
			and ($3::boolean is null or is_verified = $3::boolean)
		limit 10001) few
), total as (
	select case when n <= 10000 or $1::text is not null
			or $2::boolean is not null or $3::boolean is not null
		then n else greatest(n, (select reltuples::bigint
			from pg_class where oid = 'users'::regclass)) end as n
	from counted
)
select u.id, numeric_id, email, username, first_name, last_name, full_name,
	u.is_active, u.is_verified, two_factor_enabled,
	array_to_string(u.roles, ','), profile_picture_url, cover_photo_url,
	to_us(last_login_at), to_us(created_at), to_us(updated_at),
	must_reset_password, total.n
from total left join page on true left join users u on u.id = page.id
order by u.id desc;

-- name: admin_user_search
-- The same for a search of three characters and more, by the trigram index:
-- what matches is found first, at most ten thousand of it.
-- 1 search, 2 role or null, 3 active or null, 4 verified or null, 5 only behind
-- this id or null, 6 limit, 7 offset
-- safe: yes
with found as materialized (
	select id from users
	where search_key(email || ' ' || username || ' ' ||
			coalesce(full_name, ''))
		like search_pattern($1::text)
		and ($2::text is null or roles @> array[$2::text])
		and ($3::boolean is null or is_active = $3::boolean)
		and ($4::boolean is null or is_verified = $4::boolean)
	limit 10000
), page as materialized (
	select id from found where $5::uuid is null or id < $5::uuid
	order by id desc limit $6::integer offset $7::integer
), total as (
	select count(*) as n from found
)
select u.id, numeric_id, email, username, first_name, last_name, full_name,
	u.is_active, u.is_verified, two_factor_enabled,
	array_to_string(u.roles, ','), profile_picture_url, cover_photo_url,
	to_us(last_login_at), to_us(created_at), to_us(updated_at),
	must_reset_password, total.n
from total left join page on true left join users u on u.id = page.id
order by u.id desc;

-- name: admin_user_prefix
-- The same for one or two characters: begins of address and user name.
-- 1 search in lower case, % _ and \ escaped, 2 role or null, 3 active or null,
-- 4 verified or null, 5 only behind this id or null, 6 limit, 7 offset
-- safe: yes
with found as materialized (
	(select id from users
		where email like $1::text || '%'
			and ($2::text is null or roles @> array[$2::text])
			and ($3::boolean is null or is_active = $3::boolean)
			and ($4::boolean is null or is_verified = $4::boolean)
		limit 10000)
	union
	(select id from users
		where fold_case(username) like $1::text || '%'
			and ($2::text is null or roles @> array[$2::text])
			and ($3::boolean is null or is_active = $3::boolean)
			and ($4::boolean is null or is_verified = $4::boolean)
		limit 10000)
), page as materialized (
	select id from found where $5::uuid is null or id < $5::uuid
	order by id desc limit $6::integer offset $7::integer
), total as (
	select count(*) as n from found
)
select u.id, numeric_id, email, username, first_name, last_name, full_name,
	u.is_active, u.is_verified, two_factor_enabled,
	array_to_string(u.roles, ','), profile_picture_url, cover_photo_url,
	to_us(last_login_at), to_us(created_at), to_us(updated_at),
	must_reset_password, total.n
from total left join page on true left join users u on u.id = page.id
order by u.id desc;

-- name: admin_user_get
-- 1 user id
-- safe: yes
select id, numeric_id, email, username, first_name, last_name, full_name,
	is_active, is_verified, two_factor_enabled,
	array_to_string(roles, ','), profile_picture_url, cover_photo_url,
	to_us(last_login_at), to_us(created_at), to_us(updated_at),
	must_reset_password,
	(select count(*) from sessions where user_id = users.id
		and ended_at is null and expires_at > now()),
	to_us((select max(expires_at) from attempts
		where bucket >= 'login:' || users.id || ':'
			and bucket < 'login:' || users.id || ';'
			and count >= $2::integer and expires_at > now()))
from users where id = $1::uuid;

-- name: admin_user_create
-- 1 actor, 2 id, 3 email, 4 username, 5 hash or null, 6 first, 7 last,
-- 8 full name, 9 role, 10 verified, 11 active, 12 ip, 13 user agent,
-- 14 request id. With an id that is there already the first try was committed
-- (row RE8): this one changes nothing.
with r as (
	select id, covers_role($1::uuid, id) as covered from roles
	where name = $9 and is_active
), ok as (
	select r.id, r.covered and holds($1::uuid, 'users.write') as allowed
	from r
), u as (
	insert into users (id, email, username, password_hash, first_name,
		last_name, full_name, is_verified, verified_at, is_active)
	select $2::uuid, $3, $4, $5, $6, $7, $8, $10::boolean,
		case when $10::boolean then now() end, $11::boolean
	from ok where allowed
	on conflict (id) do nothing
	returning id
), ur as (
	insert into user_roles (user_id, role_id, granted_by)
	select u.id, ok.id, $1::uuid from u, ok
), a as (
	insert into audit_logs (user_id, actor_id, action, resource, result,
		reason, ip_address, user_agent, request_id)
	select $2::uuid, $1::uuid, 'user.create', 'users',
		case when allowed then 'success' else 'failure' end, $9,
		$12, $13, $14
	from ok left join u on true where u.id is not null or not allowed
)
select allowed from ok;

-- name: admin_user_update
-- A profile merges as account_update says. A new address must prove itself,
-- whatever is said of it: what was open ends, a code is mailed to it, and the
-- old one is told and may be taken back.
-- 1 actor, 2 user, 3 email, 4 username, 5 first, 6 last, 7 full name,
-- 8 verified, 9 code id, 10 code mac, 11 code life µs, 12 code attempts,
-- 13 undo id, 14 its life µs, 15 mails, 16 ip, 17 user agent, 18 request id
with ok as (
	select id, email, verified_at, address_at, holds($1::uuid, 'users.write')
		and covers_user($1::uuid, id) as allowed,
		$3::text is not null and $3 <> email as moves
	from users where id = $2::uuid
	for no key update
), u as (
	update users set email = coalesce($3, users.email),
		username = coalesce($4, username),
		first_name = nullif(coalesce($5::text, first_name), ''),
		last_name = nullif(coalesce($6::text, last_name), ''),
		full_name = nullif(case
			when $7::text is not null then $7
			when $5 is null and $6 is null then full_name
			else concat_ws(' ', nullif(coalesce($5, first_name),
				''), nullif(coalesce($6, last_name), ''))
			end, ''),
		is_verified = not ok.moves
			and coalesce($8::boolean, is_verified),
		verified_at = case when not ok.moves
			then users.verified_at end,
		address_at = case when ok.moves then now()
			else users.address_at end,
		contested = contested and not ok.moves,
		updated_at = now()
	from ok where users.id = ok.id and ok.allowed
	returning users.id, users.email, ok.email as before, ok.verified_at,
		ok.address_at as since, ok.moves
), m as (
	select * from u where moves
), g as (
	delete from registrations using m where user_id = m.id
), o as (
	insert into one_time (id, user_id, purpose, destination, mac,
		max_attempts, expires_at)
	select $9::uuid, m.id, 'verify', m.email, $10::bytea, $12::integer,
		now() + $11::bigint * interval '1 microsecond'
	from m
), n as (
	insert into one_time (id, user_id, purpose, destination, proved_at,
		since, expires_at)
	select $13::uuid, m.id, 'undo', m.before, m.verified_at,
		case when m.verified_at is null then m.since else now() end,
		now() + $14::bigint * interval '1 microsecond'
	from m
), j as (
	insert into jobs (id, kind, payload, priority, expires_at)
	select t.* from m, job_drafts($15::json) t
), a as (
	insert into audit_logs (user_id, actor_id, action, resource, result,
		reason, ip_address, user_agent, request_id)
	select id, $1::uuid, 'user.update', 'users',
		case when allowed then 'success' else 'failure' end,
		case when moves then 'address changed' end, $16, $17, $18
	from ok
)
select allowed, (select start_over(id, null, 'address changed') from m)
from ok;

-- name: admin_user_activate
-- 1 actor, 2 user, 3 ip, 4 user agent, 5 request id
with ok as (
	select id, holds($1::uuid, 'users.write')
		and covers_user($1::uuid, id) as allowed
	from users where id = $2::uuid
), u as (
	update users set is_active = true, updated_at = now()
	from ok where users.id = ok.id and ok.allowed
	returning users.id
), a as (
	insert into audit_logs (user_id, actor_id, action, resource, result,
		ip_address, user_agent, request_id)
	select id, $1::uuid, 'user.activate', 'users',
		case when allowed then 'success' else 'failure' end,
		$3, $4, $5
	from ok
)
select allowed from ok;

-- name: admin_user_deactivate
-- Sessions and open links end with it. Nobody deactivates himself (security
-- row RB4). 1 actor, 2 user, 3 ip, 4 user agent, 5 request id
with ok as (
	select id, id <> $1::uuid and holds($1::uuid, 'users.write')
		and covers_user($1::uuid, id) as allowed
	from users where id = $2::uuid
), u as (
	update users set is_active = false, updated_at = now()
	from ok where users.id = ok.id and ok.allowed
	returning users.id
), s as (
	update sessions set ended_at = now(), end_reason = 'deactivated'
	from u where user_id = u.id and ended_at is null
), o as (
	update one_time set voided_at = now()
	from u where user_id = u.id and used_at is null and voided_at is null
), a as (
	insert into audit_logs (user_id, actor_id, action, resource, result,
		ip_address, user_agent, request_id)
	select id, $1::uuid, 'user.deactivate', 'users',
		case when allowed then 'success' else 'failure' end,
		$3, $4, $5
	from ok
)
select allowed from ok;

-- name: admin_user_delete
-- The audit log keeps the id; everything else goes with the row.
-- 1 actor, 2 user, 3 ip, 4 user agent, 5 request id
with ok as (
	select id, id <> $1::uuid and holds($1::uuid, 'users.write')
		and covers_user($1::uuid, id) as allowed
	from users where id = $2::uuid
), u as (
	delete from users using ok where users.id = ok.id and ok.allowed
	returning users.id
), a as (
	insert into audit_logs (user_id, actor_id, action, resource, result,
		ip_address, user_agent, request_id)
	select id, $1::uuid, 'user.delete', 'users',
		case when allowed then 'success' else 'failure' end,
		$3, $4, $5
	from ok
)
select allowed from ok;

-- name: admin_user_unlock
-- Lifts the lock of every network and device, and what codes used up, those
-- of recoveries too.
-- 1 actor, 2 user, 3 ip, 4 user agent, 5 request id
with ok as (
	select id, holds($1::uuid, 'users.write')
		and covers_user($1::uuid, id) as allowed
	from users where id = $2::uuid
), l as (
	delete from attempts using ok
	where ok.allowed and (bucket = 'login.all:' || ok.id
		or (bucket >= 'login:' || ok.id || ':'
			and bucket < 'login:' || ok.id || ';')
		or (bucket >= 'factor:' || ok.id || ':'
			and bucket < 'factor:' || ok.id || ';'))
), r as (
	update users set recovery_failures = 0
	from ok where users.id = ok.id and ok.allowed
		and recovery_failures > 0
), a as (
	insert into audit_logs (user_id, actor_id, action, resource, result,
		ip_address, user_agent, request_id)
	select id, $1::uuid, 'user.unlock', 'users',
		case when allowed then 'success' else 'failure' end,
		$3, $4, $5
	from ok
)
select allowed from ok;

-- name: admin_user_require_reset
-- All sessions end; no new one begins until the password was set by a link.
-- 1 actor, 2 user, 3 ip, 4 user agent, 5 request id
with ok as (
	select id, holds($1::uuid, 'users.write')
		and covers_user($1::uuid, id) as allowed
	from users where id = $2::uuid
), u as (
	update users set must_reset_password = true, updated_at = now()
	from ok where users.id = ok.id and ok.allowed
	returning users.id
), s as (
	update sessions set ended_at = now(), end_reason = 'reset required'
	from u where user_id = u.id and ended_at is null
), d as (
	update devices set revoked_at = now()
	from u where user_id = u.id and revoked_at is null
), a as (
	insert into audit_logs (user_id, actor_id, action, resource, result,
		ip_address, user_agent, request_id)
	select id, $1::uuid, 'user.require_reset', 'users',
		case when allowed then 'success' else 'failure' end,
		$3, $4, $5
	from ok
)
select allowed from ok;

-- name: admin_user_end_sessions
-- 1 actor, 2 user, 3 ip, 4 user agent, 5 request id
with ok as (
	select id, holds($1::uuid, 'sessions.write')
		and covers_user($1::uuid, id) as allowed
	from users where id = $2::uuid
), s as (
	update sessions set ended_at = now(), end_reason = 'ended by admin'
	from ok where user_id = ok.id and ok.allowed and ended_at is null
	returning sessions.id
), a as (
	insert into audit_logs (user_id, actor_id, action, resource, result,
		ip_address, user_agent, request_id)
	select id, $1::uuid, 'session.end_all', 'sessions',
		case when allowed then 'success' else 'failure' end,
		$3, $4, $5
	from ok
)
select allowed, (select count(*) from s) from ok;

-- name: admin_cleanup_sessions
-- What the worker would delete, now: at most 10 000 a call.
-- 1 actor, 2 ip, 3 user agent, 4 request id
with d as (
	delete from sessions where id in (
		select id from sessions
		where expires_at < now() or absolute_expires_at < now()
		order by expires_at limit 10000 for update skip locked)
	returning 1
), n as (
	select count(*) as n from d
), a as (
	insert into audit_logs (actor_id, action, resource, result, reason,
		ip_address, user_agent, request_id)
	select $1::uuid, 'session.cleanup', 'sessions', 'success',
		n || ' deleted', $2, $3, $4 from n
)
select n from n;

-- name: admin_refused
-- What the gate turned away at the administration's door.
-- 1 actor, 2 action, 3 reason, 4 ip, 5 user agent, 6 request id
insert into audit_logs (user_id, actor_id, action, resource, result, reason,
	ip_address, user_agent, request_id)
values ($1::uuid, $1::uuid, $2, 'admin', 'failure', $3, $4, $5, $6);

-- name: admin_stats
-- safe: yes
select greatest((select reltuples::bigint from pg_class
		where oid = 'users'::regclass),
		(select count(*) from (select 1 from users limit 10000) s)),
	(select count(*) from (select 1 from users where not is_active
		limit 10000) s),
	(select count(*) from (select 1 from users where not is_verified
		limit 10000) s),
	(select count(*) from (select 1 from sessions where ended_at is null
		and expires_at > now() limit 10000) s),
	(select count(*) from (select 1 from api_keys where is_active
		limit 10000) s),
	(select count(*) from roles),
	(select count(*) from (select 1 from audit_logs
		where action = 'auth.login' and result = 'success'
			and created_at > now() - interval '24 hours'
		limit 10000) s),
	(select count(*) from (select 1 from audit_logs
		where action = 'auth.login' and result = 'failure'
			and created_at > now() - interval '24 hours'
		limit 10000) s),
	(select count(*) from (select 1 from audit_logs
		where action = 'auth.register'
			and created_at > now() - interval '24 hours'
		limit 10000) s);
