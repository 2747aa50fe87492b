-- name: login_begin
-- Find the account and charge the attempt before any secret is compared
-- (security rows LG1, RL2, RL4). An unknown name is charged like a known
-- one. What is counted of a name that nobody has is gone when its lock is.
-- Last cells: failures of all networks since the last login, and where
-- notices go, which are looked for as long where there is no account. What
-- is charged near is counted for :whence, a network or device.
-- int: near_retry, failures
-- bool: near_allowed, total_allowed, must_reset, device_trusted, device_copied
with u as (
	select * from users
	where email = :identifier or fold_case(username) = :identifier
	order by (email = :identifier) desc limit 1
), d as (
	select devices.id, factor_proved,
		:generation::bigint < generation as copied
	from devices, u
	where devices.id = :device_id::uuid and user_id = u.id
		and revoked_at is null
		and devices.expires_at > now()
		and :generation::bigint <= generation + 1
), b as (
	select coalesce((select id::text from u),
		'?' || md5(:identifier)) as who,
		coalesce('d' || (select id::text from d where not copied),
		:whence)
			as whence
)
select -- use: account(of => u),
	u.password_hash,
	near.allowed as near_allowed, near.retry_us as near_retry,
	total.allowed as total_allowed, d.id as device_id,
	'login:' || b.who || ':' || b.whence as bucket,
	'login.all:' || b.who as total,
	u.must_reset_password as must_reset, d.factor_proved as device_trusted,
	d.copied as device_copied,
	:failures_max::integer - 1 - total.remaining as failures,
	(select string_agg(address, E'\n') from notice_addresses(
		coalesce(u.id, '00000000-0000-0000-0000-000000000000'),
		u.email)) as addresses, u.verified_at is not null as is_proved
from b
	cross join lateral charge('login:' || b.who || ':' || b.whence,
		:limit::integer, :window::bigint, :lock::bigint) near
	left join u on true left join d on true
	cross join lateral charge('login.all:' || b.who,
		:failures_max::integer,
		case when u.id is null then greatest(:window::bigint,
			:lock::bigint)
			else 315360000000000 end, 0) total;

-- name: login_finish
-- Everything a login leaves behind, at once. The oldest sessions past the
-- limit end (security row SE5). A second factor that was enabled since it
-- was asked for is not passed by; :mails go out from a known place too
-- where the login was guessed.
-- int: session_numeric_id
with u as (
	update users set last_login_at = now(),
		password_hash = coalesce(:new_hash, password_hash)
	where id = :user_id::uuid and is_active and not must_reset_password
		and two_factor_enabled = :two_factor_enabled::boolean
		and password_hash is not distinct from :verified_hash
	returning id
), s as (
	-- use: begin_session(user => u.id, amr => :amr)
	from u returning numeric_id
), e as (
	update sessions set ended_at = now(), end_reason = 'too many'
	where id in (
		select id from sessions
		where user_id = :user_id::uuid and ended_at is null
			and expires_at > now()
		order by created_at desc offset :sessions_max::integer - 1)
), c as (
	delete from attempts where bucket in (:bucket, :total)
), n as (
	select login_is_new(u.id, :network, :user_agent) as fresh from u
), j as (
	-- use: send(from => n,
	--	drafts => case when n.fresh or :guessed::boolean then :mails::json end)
), d as (
	insert into devices (id, user_id, name, expires_at)
	select :device_id::uuid, u.id,
		left(coalesce(:device_name, :user_agent), 100),
		now() + :device_life::bigint * interval '1 microsecond'
	from u where :device_id::text is not null
	on conflict (id) do update set last_used_at = now(),
		generation = greatest(devices.generation,
		:device_generation::bigint)
), a as (
	-- use: audit(action => 'auth.login', resource => 'sessions',
	--	user => u.id)
	from u
)
select s.numeric_id as session_numeric_id from s;

-- name: login_addressee
-- Who is told of a login, and of how many failures from anywhere before it.
-- int: failures
-- safe: yes
select t.name, t.addresses, coalesce(f.count, 0) as failures,
	t.proved as is_proved
from addressees t
	left join attempts f on f.bucket = 'login.all:' || t.user_id
where t.user_id = :user_id::uuid;

-- name: login_refused
-- use: audit(action => 'auth.login', resource => 'sessions',
--	user => :user_id::uuid, actor => null, result => 'failure',
--	reason => :reason);
