-- name: factor_list
-- What a subject has that is live.
-- int: backup_codes
-- bool: locked
-- safe: yes
select f.id, f.kind, f.destination, to_us(f.enabled_at) as enabled_at,
	to_us(f.last_used_at) as last_used_at, f.failures >= :failures_max::integer
		as locked,
	(select count(*) from backup_codes b
	where b.set_id = s.codes_id and b.used_at is null) as backup_codes
from subjects s
	left join factors f on f.subject_id = s.id and f.enabled_at is not null
where s.id = :subject_id::uuid
order by array_position('{totp,sms,email}', f.kind);

-- name: factor_setup
-- What waits for its proof stays what it is for who asks for the same again
-- (his tries too); else the last setup wins. What is live stays (security
-- rows TO1, TO3).
-- bytes: pending_secret, pending_codes
with f as (
	insert into factors as t (subject_id, kind, pending_id, pending_secret,
		pending_destination, pending_codes, pending_session,
		pending_until)
	values (:subject_id::uuid, :kind, :id::uuid, :secret::bytea,
		:destination, :codes::bytea, :session_id::uuid,
		now() + :life::bigint * interval '1 microsecond')
	on conflict (subject_id, kind) do update set (pending_id,
		pending_secret, pending_destination, pending_codes,
		pending_session, pending_until, pending_attempts) = (
		select case when same then t.pending_id
				else excluded.pending_id end,
			case when same then t.pending_secret
				else excluded.pending_secret end,
			excluded.pending_destination,
			case when same then t.pending_codes
				else excluded.pending_codes end,
			excluded.pending_session, excluded.pending_until,
			case when same then t.pending_attempts else 0 end
		from (select coalesce(t.pending_until > now()
			and t.pending_attempts < 5
			and t.pending_session is not distinct from
				excluded.pending_session
			and t.pending_destination is not distinct from
				excluded.pending_destination, false) as same)
					w)
	returning subject_id, pending_id, pending_secret, pending_codes
), a as (
	-- use: audit(action => '2fa.setup',
	--	resource => case when :owner_id::text is null then 'users'
	--	else 'subjects/' || subject_id end,
	--	user => coalesce(:owner_id::uuid, subject_id), reason => :kind)
	from f
)
select pending_id, pending_secret, pending_codes from f;

-- name: factor_pending_charge
-- A try to prove a setup, charged first; a row for each code on its way. No
-- row: none is under way, of this session. 1 subject, 2 kind, 3 session or null
-- int: backup_codes
-- bytes: pending_secret, pending_codes, mac
with f as (
	update factors set pending_attempts = pending_attempts + 1
	where subject_id = :subject_id::uuid and kind = :kind
		and pending_until > now()
		and pending_attempts < 5
		and pending_session is not distinct from :session_id::uuid
	returning subject_id, pending_id, pending_secret, pending_codes
)
select f.pending_id, f.pending_secret, f.pending_codes, o.id as code_id, o.mac,
	(select count(*) from backup_codes b join subjects s
		on s.codes_id = b.set_id
	where s.id = f.subject_id and b.used_at is null) as backup_codes
from f left join factor_codes o on o.subject_id = f.subject_id
	and o.bound = 'setup:' || f.pending_id and o.used_at is null
	and o.voided_at is null and o.expires_at > now();

-- name: factor_enable
-- What was pending is live, if it is still the pending one. Other sessions
-- end (security row TO12), devices are known no more. It is no proof of who
-- does it. :prefixes and :hashes have a line for each backup code;
-- :session_id stays.
-- null: step
with o as (
	update factor_codes set used_at = now()
	where id = :code_id::uuid and used_at is null and voided_at is null
		and expires_at > now()
	returning id
), f as (
	update factors set id = pending_id, secret = pending_secret,
		destination = pending_destination,
		last_step = coalesce(:step::bigint, 0), failures = 0,
		enabled_at = now(), last_used_at = now(), pending_id = null,
		pending_secret = null, pending_destination = null,
		pending_codes = null, pending_session = null,
		pending_until = null
	where subject_id = :subject_id::uuid and kind = :kind
		and pending_id = :pending_id::uuid
		and pending_until > now()
		and (:code_id::text is null or exists (select from o))
	returning subject_id
), u as (
	update users set two_factor_enabled = true, updated_at = now()
	from f where users.id = :user_id::uuid
	returning users.id
), n as (
	update subjects set codes_id = coalesce(:set_id::uuid, codes_id),
		codes_failures = 0
	from f where subjects.id = f.subject_id
), g as (
	delete from backup_codes using f
	where backup_codes.subject_id = f.subject_id
		and :set_id::text is not null and set_id <> :set_id::uuid
), b as (
	insert into backup_codes (set_id, prefix, subject_id, hash)
	select :set_id::uuid, c.prefix, f.subject_id, c.hash
	from f, unnest(string_to_array(:prefixes, E'\n'),
		string_to_array(:hashes, E'\n')) as c (prefix, hash)
	where :set_id::text is not null
), s as (
	-- use: end_sessions(of => u, reason => 'second factor enabled')
		and sessions.id is distinct from :session_id::uuid
), d as (
	-- use: forget_devices(of => u)
), j as (
	-- use: send(from => f)
), a as (
	-- use: audit(action => '2fa.enabled',
	--	resource => case when :user_id::text is null
	--	then 'subjects/' || f.subject_id else 'users' end,
	--	user => coalesce(:user_id::uuid, :owner_id::uuid),
	--	reason => :kind)
	from f
)
select subject_id from f;

-- name: factor_charge
-- Charge a try before anything is compared, wherever it comes from
-- (security rows RL2, RL4, RL6, TO10), and give what it is to be compared
-- with. No row: the challenge is none, over, or spent. The :prefix are the
-- first characters of a backup code; null: six digits. :bound is what a
-- sent code is bound to.
-- int: attempts, failures, codes_failures
-- bytes: secret, mac
with c as (
	update challenges t set attempts = t.attempts + 1
	from users u
	where t.id = :challenge_id::uuid and t.used_at is null
		and t.attempts < 5
		and t.expires_at > now() and u.id = t.user_id and u.is_active
		and u.password_changed_at = t.password_changed_at
		and not u.must_reset_password
	returning t.user_id, t.attempts
), w as (
	select user_id as id, attempts from c
	union all
	select :subject_id::uuid, 0 where :challenge_id::text is null
), f as (
	update factors t set failures = t.failures + 1
	from w
	where t.subject_id = w.id and t.enabled_at is not null
		and t.failures < :failures_max::integer
		and :prefix::text is null
		and (t.kind = 'totp' or exists (
			select from factor_codes o
			where o.subject_id = w.id and o.kind = t.kind
				and o.bound = :bound and o.used_at is null
				and o.voided_at is null
				and o.expires_at > now()))
	returning t.subject_id, t.kind, t.id, t.secret, t.failures
), o as (
	update factor_codes t set attempts = t.attempts + 1
	from f
	where t.subject_id = f.subject_id and t.kind = f.kind
		and t.bound = :bound
		and t.used_at is null and t.voided_at is null
		and t.attempts < t.max_attempts and t.expires_at > now()
	returning t.kind, t.id, t.mac
), s as (
	update subjects t set codes_failures = t.codes_failures + 1
	from w
	where t.id = w.id and :prefix::text is not null
		and t.codes_id is not null
		and t.codes_failures < :failures_max::integer
	returning t.codes_id, t.codes_failures
)
select w.id as subject_id, w.attempts, f.kind, f.id as factor_id, f.secret,
	f.failures, o.id as code_id, o.mac,
	s.codes_id as set_id, s.codes_failures, b.hash,
	exists (select from factors t where t.subject_id = w.id
		and t.enabled_at is not null
		and t.failures >= :failures_max::integer) as locked,
	exists (select from factors t where t.subject_id = w.id
		and t.enabled_at is not null) as enabled
from w left join f on true left join o on o.kind = f.kind
	left join s on true
	left join backup_codes b on b.set_id = s.codes_id
		and b.prefix = :prefix
		and b.used_at is null;

-- name: factor_login
-- The factor ends a login: the challenge, the proof and the session in one
-- statement (security rows TO4, BC3, LG8). Of two requests with different
-- proofs one waits for the other.
-- The :place_mails go out from a new place, and from a known one where the
-- login was guessed.
-- int: session_numeric_id
-- null: step
with l as materialized (
	select u.id, u.password_changed_at from challenges t
		join users u on u.id = t.user_id
	where t.id = :challenge_id::uuid and u.is_active
		and not u.must_reset_password
	for no key update of u
), c as (
	select t.* from challenges t join l on l.id = t.user_id
	where t.id = :challenge_id::uuid and t.used_at is null
		and t.expires_at > now()
		and l.password_changed_at = t.password_changed_at
	for update of t
), f as (
	select c.* from c
	where factor_use(c.user_id, :kind, :factor_id::uuid, :step::bigint,
		:code_id::uuid,
		:set_id::uuid, :prefix)
), x as (
	update challenges t set used_at = now() from f where t.id = f.id
), u as (
	update users set last_login_at = now() from f
	where users.id = f.user_id
	returning users.*
), s as (
	-- use: begin_session(user => f.user_id, amr => f.amr || ' ' || :amr)
	from f returning numeric_id
), e as (
	update sessions set ended_at = now(), end_reason = 'too many'
	where id in (
		select t.id from sessions t, f
		where t.user_id = f.user_id and t.ended_at is null
			and t.expires_at > now()
		order by t.created_at desc offset :sessions_max::integer - 1)
), k as (
	delete from attempts using f where attempts.bucket in (f.bucket,
		f.total)
), d as (
	insert into devices (id, user_id, name, factor_proved, expires_at)
	select :device_id::uuid, f.user_id,
		left(coalesce(:device_name, f.device_name, :user_agent), 100),
		true,
		now() + :device_life::bigint * interval '1 microsecond'
	from f where f.remember or :remember::boolean
	returning 1
), j as (
	-- use: send(from => f)
), n as (
	select login_is_new(f.user_id, :network, :user_agent) as fresh from f
), p as (
	-- use: send(from => n,
	--	drafts => case when n.fresh or :guessed::boolean then :place_mails::json end)
), a as (
	-- use: audit(action => v.action, resource => v.resource,
	--	user => f.user_id, reason => :kind)
	from f, (values ('2fa.verified', 'users'), ('auth.login', 'sessions'))
		as v (action, resource)
)
select -- use: account(of => u),
	s.numeric_id as session_numeric_id,
	exists (select from d) as remembered
from u, s;

-- name: factor_verified
-- The same without a login: a session is stepped up, or an application is
-- answered.
-- null: step
with f as (
	select :subject_id::uuid as id
	where factor_use(:subject_id::uuid, :kind, :factor_id::uuid,
		:step::bigint, :code_id::uuid,
		:set_id::uuid, :prefix)
), s as (
	update sessions set proved_at = now(),
		amr = case when :amr = any (string_to_array(amr, ' '))
			then amr else amr || ' ' || :amr end
	from f where sessions.id = :session_id::uuid
		and user_id = :user_id::uuid
		and ended_at is null
), d as (
	insert into devices (id, user_id, name, factor_proved, expires_at)
	select :device_id::uuid, :user_id::uuid,
		left(coalesce(:device_name, :user_agent), 100), true,
		now() + :device_life::bigint * interval '1 microsecond'
	from f where :remember::boolean and :user_id::text is not null
), j as (
	-- use: send(from => f)
), a as (
	-- use: audit(action => '2fa.verified',
	--	resource => case when :user_id::text is null
	--	then 'subjects/' || f.id else 'users' end,
	--	user => coalesce(:user_id::uuid, :owner_id::uuid),
	--	reason => :kind)
	from f
)
select id from f;

-- name: factor_refused
-- Without an owner the subject is a user.
with j as (
	-- use: send()
)
-- use: audit(action => '2fa.failed',
--	resource => case when :owner_id::text is null then 'users'
--	else 'subjects/' || :subject_id end,
--	user => coalesce(:owner_id::uuid, :subject_id::uuid), actor => null,
--	result => 'failure', reason => :reason);

-- name: factor_disable
-- One kind or all; with the last one go backup codes and trusted devices.
with f as (
	delete from factors
	where subject_id = :subject_id::uuid
		and (:kind::text is null or kind = :kind)
	returning subject_id, kind, enabled_at
), gone as (
	select subject_id from f where enabled_at is not null limit 1
), last as (
	select subject_id from gone where not exists (
		select from factors t where t.subject_id = :subject_id::uuid
			and t.enabled_at is not null
			and :kind::text is not null and t.kind <> :kind)
), n as (
	update subjects set codes_id = null, codes_failures = 0
	from last where subjects.id = last.subject_id
), b as (
	delete from backup_codes using last
	where backup_codes.subject_id = last.subject_id
), u as (
	update users set two_factor_enabled = false, updated_at = now()
	from last where users.id = :user_id::uuid
), d as (
	update devices set revoked_at = now()
	from gone where user_id = :user_id::uuid and revoked_at is null
), c as (
	update challenges set used_at = now()
	from gone where user_id = :user_id::uuid and used_at is null
), j as (
	-- use: send(from => gone)
), a as (
	-- use: audit(action => '2fa.disabled',
	--	resource => case when :user_id::text is null
	--	then 'subjects/' || subject_id else 'users' end,
	--	user => coalesce(:user_id::uuid, :owner_id::uuid),
	--	actor => :actor_id::uuid, reason => :kind)
	from gone
)
select exists (select from last) as was_last from gone;

-- name: backup_renew
-- New codes void the old ones (security row BC4).
with n as (
	update subjects set codes_id = :set_id::uuid, codes_failures = 0
	where id = :user_id::uuid and exists (select from factors f
		where f.subject_id = :user_id::uuid
			and f.enabled_at is not null)
	returning id
), g as (
	delete from backup_codes using n
	where subject_id = n.id and set_id <> :set_id::uuid
), b as (
	insert into backup_codes (set_id, prefix, subject_id, hash)
	select :set_id::uuid, c.prefix, n.id, c.hash
	from n, unnest(string_to_array(:prefixes, E'\n'),
		string_to_array(:hashes, E'\n')) as c (prefix, hash)
), j as (
	-- use: send(from => n)
), a as (
	-- use: audit(action => '2fa.backup_codes', resource => 'users',
	--	user => n.id)
	from n
)
select id from n;

-- name: challenge_new
-- The password was right; what is missing is the factor. No row: the
-- password changed while the old one was compared.
with u as (
	select id, password_changed_at from users
	where id = :user_id::uuid and is_active and not must_reset_password
		and (:amr <> 'pwd'
			or password_hash is not distinct from :verified_hash)
), h as (
	update users set password_hash = :new_hash
	where id = :user_id::uuid and :new_hash::text is not null
		and password_hash = :verified_hash
), c as (
	insert into challenges (id, user_id, amr, password_changed_at, bucket,
		total, remember, device_name, ip_address, expires_at)
	select :challenge_id::uuid, u.id, :amr, u.password_changed_at, :bucket,
		:total, :remember::boolean,
		:device_name, :ip_address,
		now() + :life::bigint * interval '1 microsecond'
	from u
), a as (
	-- use: audit(action => 'auth.challenge', resource => 'users',
	--	user => u.id)
	from u
)
select array_to_string(array(
		select f.kind from factors f
		where f.subject_id = u.id and f.enabled_at is not null
		order by array_position('{totp,sms,email}', f.kind)),
			',') as kinds,
	exists (select from subjects s join backup_codes b
		on b.set_id = s.codes_id and b.used_at is null
		where s.id = u.id) as backup_codes
from u;

-- name: challenge_subject
-- Whose challenge is it, while it lives?
-- safe: yes
select t.user_id, u.email, case when u.verified_at is not null
	then coalesce(u.full_name, u.first_name, u.username) end as greeting
from challenges t join users u on u.id = t.user_id
where t.id = :challenge_id::uuid and t.used_at is null and t.attempts < 5
	and t.expires_at > now() and u.is_active
	and u.password_changed_at = t.password_changed_at
	and not u.must_reset_password;

-- name: factor_destination
-- Where a code goes: from the row, never from a request (security row OT3).
-- safe: yes
select destination from factors
where subject_id = :subject_id::uuid and kind = :kind
	and enabled_at is not null
	and failures < :failures_max::integer;

-- name: factor_send
-- Any of the last three codes counts, and all go on counting the attempts
-- of the first since one was right (security row OT4). No row: too many.
with spent as (
	select coalesce(max(attempts) filter (where used_at is null
		and created_at > coalesce(right_at, '-infinity')), 0) as n
	from (select *, max(used_at) over () as right_at from factor_codes
		where subject_id = :subject_id::uuid and kind = :kind
			and bound = :bound
			and expires_at > now()) c
), v as (
	update factor_codes set voided_at = now()
	where subject_id = :subject_id::uuid and kind = :kind
		and bound = :bound
		and used_at is null and voided_at is null and id not in (
			select id from factor_codes
			where subject_id = :subject_id::uuid and kind = :kind
				and bound = :bound and used_at is null
				and voided_at is null
			order by created_at desc, id desc limit 2)
), o as (
	insert into factor_codes (id, subject_id, kind, bound, destination,
		mac, attempts, expires_at)
	select :code_id::uuid, :subject_id::uuid, :kind, :bound, :destination,
		:mac::bytea, spent.n,
		now() + :life::bigint * interval '1 microsecond'
	from spent where spent.n < 5
	returning id
), j as (
	-- use: send_sealed(kind => :job_kind,
	--	expires_at => now() + :life::bigint * interval '1 microsecond')
	from o
)
select id from o;

-- name: factor_reset
-- An administrator takes everything away from somebody who lost it; all
-- that stood on it ends.
with ok as (
	select id,
		holds(:actor_id::uuid, 'users.write') and id <> :actor_id::uuid
		and covers_user(:actor_id::uuid, id) as allowed
	from users where id = :user_id::uuid
), f as (
	delete from factors using ok where subject_id = ok.id and ok.allowed
), n as (
	update subjects set codes_id = null, codes_failures = 0
	from ok where subjects.id = ok.id and ok.allowed
), b as (
	delete from backup_codes using ok
	where subject_id = ok.id and ok.allowed
), u as (
	update users set two_factor_enabled = false, updated_at = now()
	from ok where users.id = ok.id and ok.allowed
	returning users.id
), s as (
	-- use: end_sessions(of => u, reason => '2fa reset')
), d as (
	-- use: forget_devices(of => u)
), c as (
	update challenges set used_at = now()
	from u where user_id = u.id and used_at is null
), j as (
	-- use: send(from => u)
), a as (
	-- use: audit_decision(action => case when allowed then '2fa.disabled'
	--	else 'user.reset_2fa' end,
	--	resource => 'users', user => id, reason => 'reset')
	from ok
)
-- use: decision();
