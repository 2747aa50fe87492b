-- name: login_begin
-- Find the account and charge the attempt before any secret is compared
-- (security rows LG1, RL2, RL4). An unknown name is charged like a known one.
-- 1 identifier, 2 network or device, 3 limit, 4 window µs, 5 lock µs,
-- 6 device id or null, 7 generation of its token. What is counted of a name
-- that nobody has is gone when its lock is. Last cells: failures of all
-- networks since the last login, and where notices go, which are looked for as
-- long where there is no account.
with u as (
	select * from users
	where email = $1 or fold_case(username) = $1
	order by (email = $1) desc limit 1
), d as (
	select devices.id, factor_proved, $7::bigint < generation as copied
	from devices, u
	where devices.id = $6::uuid and user_id = u.id and revoked_at is null
		and devices.expires_at > now()
		and $7::bigint <= generation + 1
), b as (
	select coalesce((select id::text from u), '?' || md5($1)) as who,
		coalesce('d' || (select id::text from d where not copied), $2)
			as whence
)
select u.id, u.numeric_id, u.email, u.username, u.first_name, u.last_name,
	u.full_name, u.is_active, u.is_verified, u.two_factor_enabled,
	array_to_string(u.roles, ','), u.profile_picture_url,
	u.cover_photo_url, to_us(u.last_login_at), to_us(u.created_at),
	to_us(u.updated_at), u.password_hash,
	near.allowed, near.retry_us, total.allowed, d.id,
	'login:' || b.who || ':' || b.whence, 'login.all:' || b.who,
	u.must_reset_password, d.factor_proved, d.copied,
	99 - total.remaining,
	(select string_agg(address, E'\n') from notice_addresses(
		coalesce(u.id, '00000000-0000-0000-0000-000000000000'),
		u.email)), u.verified_at is not null
from b
	cross join lateral charge('login:' || b.who || ':' || b.whence,
		$3::integer, $4::bigint, $5::bigint) near
	left join u on true left join d on true
	cross join lateral charge('login.all:' || b.who, 100,
		case when u.id is null then greatest($4::bigint, $5::bigint)
			else 315360000000000 end, 0) total;

-- name: login_finish
-- Everything a login leaves behind, at once. The oldest sessions past the
-- limit end (security row SE5).
-- 1 user id, 2 session id, 3 ip, 4 user agent, 5 idle µs, 6 absolute µs,
-- 7 bucket, 8 total bucket, 9 old hash or null, 10 new hash, 11 sessions at
-- most, 12 request id, 13 device id or null, 14 device life µs, 15 amr,
-- 16 the hash that was verified, 17 generation of the device, 18 its name,
-- 19 network, 20 mails about a new place or null, 21 had a second factor when it
-- was asked for: one enabled meanwhile is not passed by, 22 mail them from a
-- known place too
with u as (
	update users set last_login_at = now(),
		password_hash = coalesce($10, password_hash)
	where id = $1::uuid and is_active and not must_reset_password
		and two_factor_enabled = $21::boolean
		and password_hash is not distinct from $16
		and ($9::text is null or password_hash = $9)
	returning id
), s as (
	insert into sessions (id, user_id, ip_address, user_agent, expires_at,
		absolute_expires_at, amr)
	select $2::uuid, u.id, $3, $4,
		now() + least($5::bigint, $6::bigint)
			* interval '1 microsecond',
		now() + $6::bigint * interval '1 microsecond', $15
	from u returning numeric_id
), e as (
	update sessions set ended_at = now(), end_reason = 'too many'
	where id in (
		select id from sessions
		where user_id = $1::uuid and ended_at is null
			and expires_at > now()
		order by created_at desc offset $11::integer - 1)
), c as (
	delete from attempts where bucket in ($7, $8)
), n as (
	select login_is_new(u.id, $19, $4) as fresh from u
), j as (
	insert into jobs (id, kind, payload, priority, expires_at)
	select t.* from n cross join lateral job_drafts(
		case when n.fresh or $22::boolean then $20::json end) t
), d as (
	insert into devices (id, user_id, name, expires_at)
	select $13::uuid, u.id, left(coalesce($18, $4), 100),
		now() + $14::bigint * interval '1 microsecond'
	from u where $13::text is not null
	on conflict (id) do update set last_used_at = now(),
		generation = greatest(devices.generation, $17::bigint)
), a as (
	insert into audit_logs (user_id, actor_id, action, resource, result,
		ip_address, user_agent, request_id)
	select u.id, u.id, 'auth.login', 'sessions', 'success', $3, $4, $12
	from u
)
select s.numeric_id from s;

-- name: login_addressee
-- Who is told of a login, and of how many failures from anywhere before it.
-- 1 user id
-- safe: yes
select t.name, t.addresses, coalesce(f.count, 0), t.proved
from addressees t
	left join attempts f on f.bucket = 'login.all:' || t.user_id
where t.user_id = $1::uuid;

-- name: login_refused
-- 1 user id or null, 2 reason, 3 ip, 4 user agent, 5 request id
insert into audit_logs (user_id, action, resource, result, reason,
	ip_address, user_agent, request_id)
values ($1::uuid, 'auth.login', 'sessions', 'failure', $2, $3, $4, $5);

-- name: attempt_charge
-- 1 bucket, 2 limit, 3 window µs, 4 lock µs
select allowed, remaining, retry_us
from charge($1, $2::integer, $3::bigint, $4::bigint);

-- name: attempt_charge_sliding
-- 1 bucket, 2 limit (at most 32), 3 window µs
select allowed, remaining, retry_us
from charge_sliding($1, $2::integer, $3::bigint);

-- name: attempt_refund
-- The attempt was charged, but no secret was found wrong. 1 bucket, 2 limit,
-- 3 window µs
update attempts set count = greatest(count - 1, 0),
	expires_at = case when count = $2::integer
		then now() + $3::bigint * interval '1 microsecond'
		else expires_at end
where bucket = $1 and count <= $2::integer;

-- name: attempt_charge_all
-- A line of buckets, limits and windows each; the number of the one that
-- refuses, or 0. 1 buckets, 2 limits, 3 windows µs
select refused, retry_us
from charge_all(string_to_array($1, E'\n'), string_to_array($2,
	E'\n')::integer[], string_to_array($3, E'\n')::bigint[]);
