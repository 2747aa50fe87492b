-- Administration of accounts. Each change is one statement behind
-- authorisation_lock in the same transaction; :actor_id is who acts. A row
-- comes back when the account exists; is_allowed tells whether it was allowed:
-- the actor must hold the permission now, and all that the account holds.

-- name: admin_user_list
-- Newest first. The page is found by an index alone, then its rows are
-- read. One row at least: its last cell is the total, exact to ten
-- thousand; beyond, for all accounts, what the planner knows.
-- int: total
-- bool: must_reset_password
-- row: admin_user_page
-- null: is_active, is_verified
-- safe: yes
with page as materialized (
	select id from users
	where -- use: user_filter()
		and (:behind_id::uuid is null or id < :behind_id::uuid)
	order by id desc limit :limit::integer offset :offset::integer
), counted as materialized (
	select count(*) as n from (
		select 1 from users
		where -- use: user_filter()
		limit 10001) few
), total as (
	select case when n <= 10000 or :role::text is not null
			or :is_active::boolean is not null
				or :is_verified::boolean is not null
		then n else greatest(n, (select reltuples::bigint
			from pg_class where oid = 'users'::regclass)) end as n
	from counted
)
select -- use: account(of => u),
	must_reset_password, total.n as total
from total left join page on true left join users u on u.id = page.id
order by u.id desc;

-- name: admin_user_search
-- The same for a search of three characters and more, by the trigram index:
-- what matches is found first, at most ten thousand of it.
-- takes: admin_user_search
-- int: total
-- bool: must_reset_password
-- row: admin_user_page
-- null: is_active, is_verified
-- safe: yes
with found as materialized (
	select id from users
	where search_key(email || ' ' || username || ' ' ||
			coalesce(full_name, ''))
		like search_pattern(:search::text)
		and -- use: user_filter()
	limit 10000
), page as materialized (
	select id from found where :behind_id::uuid is null
		or id < :behind_id::uuid
	order by id desc limit :limit::integer offset :offset::integer
), total as (
	select count(*) as n from found
)
select -- use: account(of => u),
	must_reset_password, total.n as total
from total left join page on true left join users u on u.id = page.id
order by u.id desc;

-- name: admin_user_prefix
-- The same for one or two characters: begins of address and user name.
-- takes: admin_user_search
-- int: total
-- bool: must_reset_password
-- row: admin_user_page
-- null: is_active, is_verified
-- safe: yes
with found as materialized (
	(select id from users
		where email like :search::text || '%'
			and -- use: user_filter()
		limit 10000)
	union
	(select id from users
		where fold_case(username) like :search::text || '%'
			and -- use: user_filter()
		limit 10000)
), page as materialized (
	select id from found where :behind_id::uuid is null
		or id < :behind_id::uuid
	order by id desc limit :limit::integer offset :offset::integer
), total as (
	select count(*) as n from found
)
select -- use: account(of => u),
	must_reset_password, total.n as total
from total left join page on true left join users u on u.id = page.id
order by u.id desc;

-- name: admin_user_get
-- int: sessions
-- bool: must_reset_password
-- safe: yes
select -- use: account(of => users),
	must_reset_password,
	(select count(*) from sessions where user_id = users.id
		and ended_at is null and expires_at > now()) as sessions,
	to_us((select max(expires_at) from attempts
		where bucket >= 'login:' || users.id || ':'
			and bucket < 'login:' || users.id || ';'
			and count >= :lock_attempts::integer
				and expires_at > now())) as locked_until
from users where id = :user_id::uuid;

-- name: admin_user_create
-- With an id that is there already the first try was committed (row RE8):
-- this one changes nothing.
with r as (
	select id, covers_role(:actor_id::uuid, id) as covered from roles
	where name = :role and is_active
), ok as (
	select r.id,
		r.covered and holds(:actor_id::uuid, 'users.write') as allowed
	from r
), u as (
	insert into users (id, email, username, password_hash, first_name,
		last_name, full_name, is_verified, verified_at, is_active)
	select :user_id::uuid, :email, :username, :password_hash, :first_name,
		:last_name, :full_name, :is_verified::boolean,
		case when :is_verified::boolean then now() end,
			:is_active::boolean
	from ok where allowed
	on conflict (id) do nothing
	returning id
), ur as (
	insert into user_roles (user_id, role_id, granted_by)
	select u.id, ok.id, :actor_id::uuid from u, ok
), a as (
	-- use: audit_decision(action => 'user.create', resource => 'users',
	--	user => :user_id::uuid, reason => :role)
	from ok left join u on true where u.id is not null or not allowed
)
-- use: decision();

-- name: admin_user_update
-- A profile merges as account_update says. A new address must prove itself,
-- whatever is said of it: what was open ends, a code is mailed to it, and
-- the old one is told and may be taken back. Whoever is deactivated in the same
-- transaction is not the actor (row RB4).
-- null: is_verified
with ok as (
	select id, email, verified_at, address_at,
		holds(:actor_id::uuid, 'users.write')
		and covers_user(:actor_id::uuid, id)
		and not (:deactivates::boolean and id = :actor_id::uuid)
			as allowed,
		:email::text is not null and :email <> email as moves
	from users where id = :user_id::uuid
	for no key update
), u as (
	update users set email = coalesce(:email, users.email),
		username = coalesce(:username, username),
		first_name = nullif(coalesce(:first_name::text, first_name),
		''),
		last_name = nullif(coalesce(:last_name::text, last_name), ''),
		full_name = nullif(case
			when :full_name::text is not null then :full_name
			when :first_name is null and :last_name is null
				then full_name
			else concat_ws(' ',
			nullif(coalesce(:first_name, first_name),
				''),
				nullif(coalesce(:last_name, last_name), ''))
			end, ''),
		is_verified = not ok.moves
			and coalesce(:is_verified::boolean, is_verified),
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
	-- use: new_code(user => m.id, purpose => 'verify',
	--	destination => m.email)
	from m
), n as (
	-- use: new_undo(user => m.id, destination => m.before,
	--	proved_at => m.verified_at, since => m.since)
	from m
), j as (
	-- use: send(from => m)
), a as (
	-- use: audit_decision(action => 'user.update', resource => 'users',
	--	user => id,
	--	reason => case when moves then 'address changed' end)
	from ok
)
-- use: decision(started_over =>
--	(select start_over(id, null, 'address changed') from m));

-- name: admin_user_activate
-- takes: admin_user_act
with ok as (
	select id, holds(:actor_id::uuid, 'users.write')
		and covers_user(:actor_id::uuid, id) as allowed
	from users where id = :user_id::uuid
), u as (
	update users set is_active = true, updated_at = now()
	from ok where users.id = ok.id and ok.allowed
	returning users.id
), a as (
	-- use: audit_decision(action => 'user.activate', resource => 'users',
	--	user => id)
	from ok
)
-- use: decision();

-- name: admin_user_deactivate
-- Sessions and open links end with it. Nobody deactivates himself (security
-- row RB4).
-- takes: admin_user_act
with ok as (
	select id,
		id <> :actor_id::uuid and holds(:actor_id::uuid, 'users.write')
		and covers_user(:actor_id::uuid, id) as allowed
	from users where id = :user_id::uuid
), u as (
	update users set is_active = false, updated_at = now()
	from ok where users.id = ok.id and ok.allowed
	returning users.id
), s as (
	-- use: end_sessions(of => u, reason => 'deactivated')
), o as (
	update one_time set voided_at = now()
	from u where user_id = u.id and used_at is null and voided_at is null
), a as (
	-- use: audit_decision(action => 'user.deactivate',
	--	resource => 'users', user => id)
	from ok
)
-- use: decision();

-- name: admin_user_delete
-- The audit log keeps the id; everything else goes with the row.
-- takes: admin_user_act
with ok as (
	select id,
		id <> :actor_id::uuid and holds(:actor_id::uuid, 'users.write')
		and covers_user(:actor_id::uuid, id) as allowed
	from users where id = :user_id::uuid
), u as (
	delete from users using ok where users.id = ok.id and ok.allowed
	returning users.id
), a as (
	-- use: audit_decision(action => 'user.delete', resource => 'users',
	--	user => id)
	from ok
)
-- use: decision();

-- name: admin_user_unlock
-- Lifts the lock of every network and device, and what codes used up, those
-- of recoveries too.
-- takes: admin_user_act
with ok as (
	select id, holds(:actor_id::uuid, 'users.write')
		and covers_user(:actor_id::uuid, id) as allowed
	from users where id = :user_id::uuid
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
	-- use: audit_decision(action => 'user.unlock', resource => 'users',
	--	user => id)
	from ok
)
-- use: decision();

-- name: admin_user_require_reset
-- All sessions end; no new one begins until the password was set by a link.
-- takes: admin_user_act
with ok as (
	select id, holds(:actor_id::uuid, 'users.write')
		and covers_user(:actor_id::uuid, id) as allowed
	from users where id = :user_id::uuid
), u as (
	update users set must_reset_password = true, updated_at = now()
	from ok where users.id = ok.id and ok.allowed
	returning users.id
), s as (
	-- use: end_sessions(of => u, reason => 'reset required')
), d as (
	-- use: forget_devices(of => u)
), a as (
	-- use: audit_decision(action => 'user.require_reset',
	--	resource => 'users', user => id)
	from ok
)
-- use: decision();

-- name: admin_user_end_sessions
-- takes: admin_user_act
with ok as (
	select id, holds(:actor_id::uuid, 'sessions.write')
		and covers_user(:actor_id::uuid, id) as allowed
	from users where id = :user_id::uuid
), s as (
	update sessions set ended_at = now(), end_reason = 'ended by admin'
	from ok where user_id = ok.id and ok.allowed and ended_at is null
	returning sessions.id
), a as (
	-- use: audit_decision(action => 'session.end_all',
	--	resource => 'sessions', user => id)
	from ok
)
-- use: decision(ended => (select count(*) from s));

-- name: admin_cleanup_sessions
-- What the worker would delete, now: at most 10 000 a call.
-- int: deleted
with d as (
	delete from sessions where id in (
		select id from sessions
		where expires_at < now() or absolute_expires_at < now()
		order by expires_at limit 10000 for update skip locked)
	returning 1
), n as (
	select count(*) as n from d
), a as (
	-- use: audit(action => 'session.cleanup', resource => 'sessions',
	--	actor => :actor_id::uuid, reason => n || ' deleted')
	from n
)
select n as deleted from n;

-- name: admin_stats
-- int: users, inactive, unverified, sessions, api_keys, roles, logins
-- int: failed_logins, registrations
-- safe: yes
select greatest((select reltuples::bigint from pg_class
		where oid = 'users'::regclass),
		(select count(*) from (select 1 from users limit 10000) s))
			as users,
	(select count(*) from (select 1 from users where not is_active
		limit 10000) s) as inactive,
	(select count(*) from (select 1 from users where not is_verified
		limit 10000) s) as unverified,
	(select count(*) from (select 1 from sessions where ended_at is null
		and expires_at > now() limit 10000) s) as sessions,
	(select count(*) from (select 1 from api_keys where is_active
		limit 10000) s) as api_keys,
	(select count(*) from roles) as roles,
	(select count(*) from (select 1 from audit_logs
		where action = 'auth.login' and result = 'success'
			and created_at > now() - interval '24 hours'
		limit 10000) s) as logins,
	(select count(*) from (select 1 from audit_logs
		where action = 'auth.login' and result = 'failure'
			and created_at > now() - interval '24 hours'
		limit 10000) s) as failed_logins,
	(select count(*) from (select 1 from audit_logs
		where action = 'auth.register'
			and created_at > now() - interval '24 hours'
		limit 10000) s) as registrations;
