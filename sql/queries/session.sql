-- name: session_load
-- All a request needs to know of who asks, and when that was so: the time is
-- before the snapshot. 1 session id, 2 user id
-- safe: yes
select s.numeric_id, s.amr, s.ip_address, s.user_agent, to_us(s.created_at),
	to_us(s.proved_at), to_us(s.expires_at), u.numeric_id, u.email,
	u.username, u.first_name, u.last_name, u.full_name, u.is_verified,
	u.two_factor_enabled, array_to_string(u.roles, ','),
	u.profile_picture_url, u.cover_photo_url, to_us(u.last_login_at),
	to_us(u.created_at), to_us(u.updated_at),
	(select version from role_version),
	s.last_used_at < now() - interval '1 minute', to_us(now())
from sessions s join users u on u.id = s.user_id
where s.id = $1::uuid and s.user_id = $2::uuid and s.ended_at is null
	and s.absolute_expires_at > now() and u.is_active;

-- name: actor_holds
-- May who asks, with a session or key, still act? An error, if not.
select actor_holds(:user_id::uuid, :actor_id::uuid);

-- name: session_changes
-- What changed since a snapshot, what the next one begins with, and a time
-- after the snapshot. Numbers that fell are another server's: then all it has.
-- 1 xmin, 2 at most so many
-- safe: yes
select pg_snapshot_xmin(pg_current_snapshot())::text, array_to_string(array(
	select coalesce(id::text, 'roles') from session_changes
	where xid >= case
		when $1::xid8 > pg_snapshot_xmin(pg_current_snapshot())
		then '0'::xid8 else $1::xid8 end
	limit $2::integer), ' '), to_us(clock_timestamp());

-- name: session_rotate
-- One refresh moves generation g to g + 1 (security row RT1); the affected row
-- decides. A key that has just repaired another step of the session is not
-- taken again. 1 session id, 2 generation, 3 idle µs, 4 repair key or null,
-- 5 ip, 6 user agent, 7 µs a repair key lives
update sessions s set generation = generation + 1, rotated_at = now(),
	last_used_at = now(), repair_key = $4::bytea,
	ip_address = $5, user_agent = $6,
	expires_at = least(now() + $3::bigint * interval '1 microsecond',
		absolute_expires_at)
from users u
where s.id = $1::uuid and s.generation = $2::bigint and s.ended_at is null
	and s.expires_at > now() and u.id = s.user_id and u.is_active
	and ($4::bytea is null or s.repair_key is distinct from $4::bytea
		or to_us(now()) - to_us(s.rotated_at) > $7::bigint)
returning s.user_id, s.generation, u.email, u.username;

-- name: session_rotated
-- Why a rotation found nothing. 1 session id
-- safe: yes
select s.user_id, s.generation, s.ended_at is not null,
	s.expires_at <= now(), u.is_active, s.repair_key,
	to_us(now()) - to_us(s.rotated_at), t.name, t.addresses, t.proved
from sessions s join users u on u.id = s.user_id
	join addressees t on t.user_id = s.user_id
where s.id = $1::uuid;

-- name: session_reused
-- A refresh token came twice: its family ends, or all of the user's, with a
-- mail to each address and an audit row, once (security row RT4).
-- 1 session id, 2 all of the user, 3 mails, 4 ip, 5 user agent, 6 request id
with s as (
	select id, user_id from sessions
	where id = $1::uuid and ended_at is null for update
), e as (
	update sessions t set ended_at = now(), end_reason = 'reuse'
	from s where (t.id = s.id or ($2::boolean and t.user_id = s.user_id))
		and t.ended_at is null
), j as (
	insert into jobs (id, kind, payload, priority, expires_at)
	select t.* from s, job_drafts($3::json) t
), a as (
	insert into audit_logs (user_id, action, resource, result, reason,
		ip_address, user_agent, request_id)
	select user_id, 'refresh.reuse', 'sessions', 'failure',
		'refresh token used twice', $4, $5, $6 from s
)
select count(*) from s;

-- name: session_end
-- 1 user id, 2 session id (null: none), 3 scope (this, others, all), 4 reason,
-- 5 ip, 6 user agent, 7 request id
with e as (
	update sessions set ended_at = now(), end_reason = $4
	where user_id = $1::uuid and ended_at is null
		and case $3 when 'this' then id = $2::uuid
			when 'others' then id is distinct from $2::uuid
			else true end
	returning id
), a as (
	insert into audit_logs (user_id, actor_id, action, resource, result,
		reason, ip_address, user_agent, request_id)
	select $1::uuid, $1::uuid, 'auth.logout', 'sessions', 'success', $3,
		$5, $6, $7
)
select id from e;

-- name: session_end_one
-- One of a user's own sessions, by id or numeric id.
-- 1 user id, 2 id text, 3 ip, 4 user agent, 5 request id
with e as (
	update sessions set ended_at = now(), end_reason = 'ended by user'
	where user_id = $1::uuid and ended_at is null and expires_at > now()
		and (id::text = $2 or numeric_id::text = $2)
	returning id
), a as (
	insert into audit_logs (user_id, actor_id, action, resource, result,
		ip_address, user_agent, request_id)
	select $1::uuid, $1::uuid, 'session.end', 'sessions', 'success',
		$3, $4, $5
	from e
)
select id from e;

-- name: session_locate
-- 1 user id, 2 id or numeric id as text
-- safe: yes
select id from sessions
where user_id = $1::uuid and ended_at is null and expires_at > now()
	and (id::text = $2 or numeric_id::text = $2);

-- name: session_list
-- 1 user id, 2 limit, 3 offset
-- safe: yes
select id, numeric_id, ip_address, user_agent, to_us(created_at),
	to_us(last_used_at), to_us(expires_at), amr, count(*) over ()
from sessions
where user_id = $1::uuid and ended_at is null and expires_at > now()
order by created_at desc, id desc limit $2::integer offset $3::integer;

-- name: session_touch
-- Last use, at most once a minute a session. 1 session id
update sessions set last_used_at = now()
where id = $1::uuid and last_used_at < now() - interval '1 minute';
