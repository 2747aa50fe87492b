-- name: introspect_session
-- Is the session behind a refresh token alive?
-- safe: yes
select s.user_id, u.username, to_us(s.expires_at) as expires_at,
	to_us(s.created_at) as created_at
from sessions s join users u on u.id = s.user_id
where s.id = :session_id::uuid and s.generation = :generation::bigint
	and s.ended_at is null and s.expires_at > now() and u.is_active;

-- name: session_load
-- All a request needs to know of who asks, and when that was so: the time
-- is before the snapshot.
-- int: numeric_id, role_version
-- bool: stale
-- safe: yes
select s.numeric_id, s.amr, s.ip_address, s.user_agent,
	to_us(s.created_at) as created_at,
	to_us(s.proved_at) as proved_at, to_us(s.expires_at) as expires_at,
	-- use: account(of => u),
	(select version from role_version) as role_version,
	s.last_used_at < now() - interval '1 minute' as stale,
	to_us(now()) as read_at
from sessions s join users u on u.id = s.user_id
where s.id = :session_id::uuid and s.user_id = :user_id::uuid
	and s.ended_at is null
	and s.absolute_expires_at > now() and u.is_active;

-- name: session_changes
-- What changed since a snapshot, what the next one begins with, and a time
-- after the snapshot. Numbers that fell are another server's: then all it
-- has.
-- safe: yes
select pg_snapshot_xmin(pg_current_snapshot())::text as next_xmin,
	array_to_string(array(
	select coalesce(id::text, 'roles') from session_changes
	where xid >= case
		when :xmin::xid8 > pg_snapshot_xmin(pg_current_snapshot())
		then '0'::xid8 else :xmin::xid8 end
	limit :most::integer), ' ') as ids,
		to_us(clock_timestamp()) as asked_at;

-- name: session_rotate
-- One refresh moves generation g to g + 1 (security row RT1); the affected
-- row decides. A key that has just repaired another step of the session is
-- not taken again. :repair_life is how many µs a repair key lives.
-- int: generation
update sessions s set generation = generation + 1, rotated_at = now(),
	last_used_at = now(), repair_key = :repair_key::bytea,
	ip_address = :ip_address, user_agent = :user_agent,
	expires_at = least(now() + :idle::bigint * interval '1 microsecond',
		absolute_expires_at)
from users u
where s.id = :session_id::uuid and s.generation = :generation::bigint
	and s.ended_at is null
	and s.expires_at > now() and u.id = s.user_id and u.is_active
	and (:repair_key::bytea is null
		or s.repair_key is distinct from :repair_key::bytea
		or to_us(now()) - to_us(s.rotated_at) > :repair_life::bigint)
returning s.user_id, s.generation, u.email, u.username;

-- name: session_rotated
-- Why a rotation found nothing.
-- int: generation, age
-- bytes: repair_key
-- safe: yes
select s.user_id, s.generation, s.ended_at is not null as is_ended,
	s.expires_at <= now() as is_expired, u.is_active, s.repair_key,
	coalesce(to_us(now()) - to_us(s.rotated_at),
		9223372036854775807) as age, t.name, t.addresses,
	t.proved as is_proved
from sessions s join users u on u.id = s.user_id
	join addressees t on t.user_id = s.user_id
where s.id = :session_id::uuid;

-- name: session_reused
-- A refresh token came twice: its family ends, or all of the user's, with a
-- mail to each address and an audit row, once (security row RT4). With :all
-- it ends all of the user's.
with s as (
	select id, user_id from sessions
	where id = :session_id::uuid and ended_at is null for update
), e as (
	update sessions t set ended_at = now(), end_reason = 'reuse'
	from s where (t.id = s.id or (:all::boolean and t.user_id = s.user_id))
		and t.ended_at is null
), j as (
	-- use: send(from => s)
), a as (
	-- use: audit(action => 'refresh.reuse', resource => 'sessions',
	--	user => user_id, actor => null, result => 'failure',
	--	reason => 'refresh token used twice')
	from s
)
select count(*) as ended from s;

-- name: session_end
-- :scope is this, others or all.
with e as (
	update sessions set ended_at = now(), end_reason = :reason
	where user_id = :user_id::uuid and ended_at is null
		and case :scope when 'this' then id = :session_id::uuid
			when 'others'
				then id is distinct from :session_id::uuid
			else true end
	returning id
), a as (
	-- use: audit(action => 'auth.logout', resource => 'sessions',
	--	user => :user_id::uuid, reason => :scope)
	)
select id from e;

-- name: session_end_one
-- One of a user's own sessions, by id or numeric id.
with e as (
	update sessions set ended_at = now(), end_reason = 'ended by user'
	where user_id = :user_id::uuid and ended_at is null
		and expires_at > now()
		and (id::text = :id or numeric_id::text = :id)
	returning id
), a as (
	-- use: audit(action => 'session.end', resource => 'sessions',
	--	user => :user_id::uuid)
	from e
)
select id from e;

-- name: session_locate
-- safe: yes
select id from sessions
where user_id = :user_id::uuid and ended_at is null and expires_at > now()
	and (id::text = :id or numeric_id::text = :id);

-- name: session_list
-- One row at least, for the total.
-- int: numeric_id, total
-- safe: yes
with found as (
	select * from sessions
	where user_id = :user_id::uuid and ended_at is null
		and expires_at > now()
)
select id, numeric_id, ip_address, user_agent, to_us(created_at) as created_at,
	to_us(last_used_at) as last_used_at, to_us(expires_at) as expires_at,
	amr, total.n as total
from (select count(*) as n from found) total left join (
	select * from found order by created_at desc, id desc
	limit :limit::integer offset :offset::integer) s on true
order by s.created_at desc, id desc;

-- name: session_touch
-- Last use, at most once a minute a session.
update sessions set last_used_at = now()
where id = :session_id::uuid and last_used_at < now() - interval '1 minute';
