-- name: subject_of_key
-- A subject of an API key's owner (row TO13). 1 owner, 2 name
-- safe: yes
select id from subjects where owner_id = $1::uuid and name = $2;

-- name: subject_make
-- One row: the id, null when it was made by another at once or when the owner
-- has as many as he may, which the second cell tells.
-- 1 id if new, 2 user or null, 3 owner or null, 4 name or null, 5 names of an
-- owner at most
with known as materialized (
	select id from subjects
	where user_id = $2::uuid or (owner_id = $3::uuid and name = $4)
), room as materialized (
	select case when $3::uuid is null or exists (select from known)
		then true else subjects_below($3::uuid, $5::integer)
		end as here
), i as (
	insert into subjects (id, user_id, owner_id, name)
	select $1::uuid, $2::uuid, $3::uuid, $4 from room where here
	on conflict do nothing returning id
), s as (
	select id from known union all select id from i limit 1
)
select s.id, not room.here from room left join s on true;

-- name: factor_list
-- What a subject has that is live. 1 subject
-- safe: yes
select f.id, f.kind, f.destination, to_us(f.enabled_at),
	to_us(f.last_used_at), f.failures >= 100,
	(select count(*) from backup_codes b
	where b.set_id = s.codes_id and b.used_at is null)
from subjects s
	left join factors f on f.subject_id = s.id and f.enabled_at is not null
where s.id = $1::uuid
order by array_position('{totp,sms,email}', f.kind);

-- name: factor_setup
-- What waits for its proof stays what it is for who asks for the same again
-- (his tries too); else the last setup wins. What is live stays (security rows
-- TO1, TO3). 1 subject, 2 kind, 3 id, 4 sealed secret or null, 5 destination
-- or null, 6 sealed backup codes or null, 7 session or null, 8 life µs, 9 owner
-- or null, 10 ip, 11 user agent, 12 request id
with f as (
	insert into factors as t (subject_id, kind, pending_id, pending_secret,
		pending_destination, pending_codes, pending_session,
		pending_until)
	values ($1::uuid, $2, $3::uuid, $4::bytea, $5, $6::bytea, $7::uuid,
		now() + $8::bigint * interval '1 microsecond')
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
				excluded.pending_destination, false) as same) w)
	returning subject_id, pending_id, pending_secret, pending_codes
), a as (
	insert into audit_logs (user_id, actor_id, action, resource, result,
		reason, ip_address, user_agent, request_id)
	select coalesce($9::uuid, subject_id), coalesce($9::uuid, subject_id),
		'2fa.setup', case when $9::text is null then 'users'
			else 'subjects/' || subject_id end, 'success', $2, $10,
		$11, $12
	from f
)
select pending_id, pending_secret, pending_codes from f;

-- name: factor_pending_charge
-- A try to prove a setup, charged first; a row for each code on its way. No
-- row: none is under way, of this session. 1 subject, 2 kind, 3 session or null
with f as (
	update factors set pending_attempts = pending_attempts + 1
	where subject_id = $1::uuid and kind = $2 and pending_until > now()
		and pending_attempts < 5
		and pending_session is not distinct from $3::uuid
	returning subject_id, pending_id, pending_secret, pending_codes
)
select f.pending_id, f.pending_secret, f.pending_codes, o.id, o.mac,
	(select count(*) from backup_codes b join subjects s
		on s.codes_id = b.set_id
	where s.id = f.subject_id and b.used_at is null)
from f left join factor_codes o on o.subject_id = f.subject_id
	and o.bound = 'setup:' || f.pending_id and o.used_at is null
	and o.voided_at is null and o.expires_at > now();

-- name: factor_enable
-- What was pending is live, if it is still the pending one. Other sessions
-- end (security row TO12), devices are known no more. It is no proof of who
-- does it.
-- 1 subject, 2 kind, 3 pending id, 4 step or null, 5 code id or null, 6 new
-- set or null, 7 prefixes, 8 hashes (a line each), 9 user or null, 10 owner or
-- null, 11 session kept, 12 mails or null, 13 ip, 14 user agent, 15 request id
with o as (
	update factor_codes set used_at = now()
	where id = $5::uuid and used_at is null and voided_at is null
		and expires_at > now()
	returning id
), f as (
	update factors set id = pending_id, secret = pending_secret,
		destination = pending_destination,
		last_step = coalesce($4::bigint, 0), failures = 0,
		enabled_at = now(), last_used_at = now(), pending_id = null,
		pending_secret = null, pending_destination = null,
		pending_codes = null, pending_session = null,
		pending_until = null
	where subject_id = $1::uuid and kind = $2 and pending_id = $3::uuid
		and pending_until > now()
		and ($5::text is null or exists (select from o))
	returning subject_id
), u as (
	update users set two_factor_enabled = true, updated_at = now()
	from f where users.id = $9::uuid
	returning users.id
), n as (
	update subjects set codes_id = coalesce($6::uuid, codes_id),
		codes_failures = 0
	from f where subjects.id = f.subject_id
), g as (
	delete from backup_codes using f
	where backup_codes.subject_id = f.subject_id
		and $6::text is not null and set_id <> $6::uuid
), b as (
	insert into backup_codes (set_id, prefix, subject_id, hash)
	select $6::uuid, c.prefix, f.subject_id, c.hash
	from f, unnest(string_to_array($7, E'\n'),
		string_to_array($8, E'\n')) as c (prefix, hash)
	where $6::text is not null
), s as (
	update sessions set ended_at = now(),
		end_reason = 'second factor enabled'
	from u where user_id = u.id and ended_at is null
		and sessions.id is distinct from $11::uuid
), d as (
	update devices set revoked_at = now()
	from u where user_id = u.id and revoked_at is null
), j as (
	insert into jobs (id, kind, payload, priority, expires_at)
	select t.* from f, job_drafts($12::json) t
), a as (
	insert into audit_logs (user_id, actor_id, action, resource, result,
		reason, ip_address, user_agent, request_id)
	select coalesce($9::uuid, $10::uuid), coalesce($9::uuid, $10::uuid),
		'2fa.enabled', case when $9::text is null
			then 'subjects/' || f.subject_id else 'users' end,
		'success', $2, $13, $14, $15
	from f
)
select subject_id from f;

-- name: factor_charge
-- Charge a try before anything is compared, wherever it comes from (security
-- rows RL2, RL4, RL6, TO10), and give what it is to be compared with. No row:
-- the challenge is none, over, or spent.
-- 1 challenge or null, 2 subject or null, 3 what a sent code is bound to,
-- 4 first characters of a backup code or null: six digits
with c as (
	update challenges t set attempts = t.attempts + 1
	from users u
	where t.id = $1::uuid and t.used_at is null and t.attempts < 5
		and t.expires_at > now() and u.id = t.user_id and u.is_active
		and u.password_changed_at = t.password_changed_at
		and not u.must_reset_password
	returning t.user_id, t.attempts
), w as (
	select user_id as id, attempts from c
	union all
	select $2::uuid, 0 where $1::text is null
), f as (
	update factors t set failures = t.failures + 1
	from w
	where t.subject_id = w.id and t.enabled_at is not null
		and t.failures < 100 and $4::text is null
		and (t.kind = 'totp' or exists (
			select from factor_codes o
			where o.subject_id = w.id and o.kind = t.kind
				and o.bound = $3 and o.used_at is null
				and o.voided_at is null
				and o.expires_at > now()))
	returning t.subject_id, t.kind, t.id, t.secret, t.failures
), o as (
	update factor_codes t set attempts = t.attempts + 1
	from f
	where t.subject_id = f.subject_id and t.kind = f.kind and t.bound = $3
		and t.used_at is null and t.voided_at is null
		and t.attempts < t.max_attempts and t.expires_at > now()
	returning t.kind, t.id, t.mac
), s as (
	update subjects t set codes_failures = t.codes_failures + 1
	from w
	where t.id = w.id and $4::text is not null and t.codes_id is not null
		and t.codes_failures < 100
	returning t.codes_id, t.codes_failures
)
select w.id, w.attempts, f.kind, f.id, f.secret, f.failures, o.id, o.mac,
	s.codes_id, s.codes_failures, b.hash,
	exists (select from factors t where t.subject_id = w.id
		and t.enabled_at is not null and t.failures >= 100),
	exists (select from factors t where t.subject_id = w.id
		and t.enabled_at is not null)
from w left join f on true left join o on o.kind = f.kind
	left join s on true
	left join backup_codes b on b.set_id = s.codes_id and b.prefix = $4
		and b.used_at is null;

-- name: factor_login
-- The factor ends a login: the challenge, the proof and the session in one
-- statement (security rows TO4, BC3, LG8). The challenge is locked first, so
-- that of two requests with different proofs one waits for the other.
-- 1 challenge, 2 kind, 3 factor id, 4 step, 5 code id, 6 set, 7 prefix,
-- 8 session id, 9 ip, 10 user agent, 11 idle µs, 12 absolute µs, 13 amr,
-- 14 sessions at most, 15 remember, 16 device id, 17 device life µs, 18 device
-- name or null, 19 mails or null, 20 request id, 21 network, 22 mails about a
-- new place, 23 mail them from a known place too
with c as (
	select t.* from challenges t join users u on u.id = t.user_id
	where t.id = $1::uuid and t.used_at is null and t.expires_at > now()
		and u.is_active
		and u.password_changed_at = t.password_changed_at
		and not u.must_reset_password
	for update of t
), f as (
	select c.* from c
	where factor_use(c.user_id, $2, $3::uuid, $4::bigint, $5::uuid,
		$6::uuid, $7)
), x as (
	update challenges t set used_at = now() from f where t.id = f.id
), u as (
	update users set last_login_at = now() from f
	where users.id = f.user_id
	returning users.*
), s as (
	insert into sessions (id, user_id, ip_address, user_agent, expires_at,
		absolute_expires_at, amr)
	select $8::uuid, f.user_id, $9, $10,
		now() + least($11::bigint, $12::bigint)
			* interval '1 microsecond',
		now() + $12::bigint * interval '1 microsecond',
		f.amr || ' ' || $13
	from f returning numeric_id
), e as (
	update sessions set ended_at = now(), end_reason = 'too many'
	where id in (
		select t.id from sessions t, f
		where t.user_id = f.user_id and t.ended_at is null
			and t.expires_at > now()
		order by t.created_at desc offset $14::integer - 1)
), k as (
	delete from attempts using f where attempts.bucket in (f.bucket, f.total)
), d as (
	insert into devices (id, user_id, name, factor_proved, expires_at)
	select $16::uuid, f.user_id,
		left(coalesce($18, f.device_name, $10), 100), true,
		now() + $17::bigint * interval '1 microsecond'
	from f where f.remember or $15::boolean
	returning 1
), j as (
	insert into jobs (id, kind, payload, priority, expires_at)
	select t.* from f, job_drafts($19::json) t
), n as (
	select login_is_new(f.user_id, $21, $10) as fresh from f
), p as (
	insert into jobs (id, kind, payload, priority, expires_at)
	select t.* from n cross join lateral job_drafts(
		case when n.fresh or $23::boolean then $22::json end) t
), a as (
	insert into audit_logs (user_id, actor_id, action, resource, result,
		reason, ip_address, user_agent, request_id)
	select f.user_id, f.user_id, v.action, v.resource, 'success', $2, $9,
		$10, $20
	from f, (values ('2fa.verified', 'users'), ('auth.login', 'sessions'))
		as v (action, resource)
)
select u.id, u.numeric_id, u.email, u.username, u.first_name, u.last_name,
	u.full_name, u.is_active, u.is_verified, u.two_factor_enabled,
	array_to_string(u.roles, ','), u.profile_picture_url,
	u.cover_photo_url, to_us(u.last_login_at), to_us(u.created_at),
	to_us(u.updated_at), s.numeric_id, exists (select from d)
from u, s;

-- name: factor_verified
-- The same without a login: a session is stepped up, or an application is
-- answered. 1 subject, 2 kind, 3 factor id, 4 step, 5 code id, 6 set,
-- 7 prefix, 8 session or null, 9 user or null, 10 owner or null, 11 amr,
-- 12 remember, 13 device id, 14 device life µs, 15 device name or null,
-- 16 mails or null, 17 ip, 18 user agent, 19 request id
with f as (
	select $1::uuid as id
	where factor_use($1::uuid, $2, $3::uuid, $4::bigint, $5::uuid,
		$6::uuid, $7)
), s as (
	update sessions set proved_at = now(),
		amr = case when $11 = any (string_to_array(amr, ' '))
			then amr else amr || ' ' || $11 end
	from f where sessions.id = $8::uuid and user_id = $9::uuid
		and ended_at is null
), d as (
	insert into devices (id, user_id, name, factor_proved, expires_at)
	select $13::uuid, $9::uuid, left(coalesce($15, $18), 100), true,
		now() + $14::bigint * interval '1 microsecond'
	from f where $12::boolean and $9::text is not null
), j as (
	insert into jobs (id, kind, payload, priority, expires_at)
	select t.* from f, job_drafts($16::json) t
), a as (
	insert into audit_logs (user_id, actor_id, action, resource, result,
		reason, ip_address, user_agent, request_id)
	select coalesce($9::uuid, $10::uuid), coalesce($9::uuid, $10::uuid),
		'2fa.verified', case when $9::text is null
			then 'subjects/' || f.id else 'users' end,
		'success', $2, $17, $18, $19
	from f
)
select id from f;

-- name: factor_refused
-- 1 subject, 2 owner or null (else the subject is a user), 3 reason, 4 ip,
-- 5 user agent, 6 request id, 7 mails or null
with j as (
	insert into jobs (id, kind, payload, priority, expires_at)
	select * from job_drafts($7::json)
)
insert into audit_logs (user_id, action, resource, result, reason,
	ip_address, user_agent, request_id)
values (coalesce($2::uuid, $1::uuid), '2fa.failed',
	case when $2::text is null then 'users' else 'subjects/' || $1 end,
	'failure', $3, $4, $5, $6);

-- name: factor_disable
-- One kind or all; with the last one go backup codes and trusted devices.
-- 1 subject, 2 kind or null, 3 user or null, 4 owner or null, 5 mails or null,
-- 6 ip, 7 user agent, 8 request id, 9 actor
with f as (
	delete from factors
	where subject_id = $1::uuid and ($2::text is null or kind = $2)
	returning subject_id, kind, enabled_at
), gone as (
	select subject_id from f where enabled_at is not null limit 1
), last as (
	select subject_id from gone where not exists (
		select from factors t where t.subject_id = $1::uuid
			and t.enabled_at is not null
			and $2::text is not null and t.kind <> $2)
), n as (
	update subjects set codes_id = null, codes_failures = 0
	from last where subjects.id = last.subject_id
), b as (
	delete from backup_codes using last
	where backup_codes.subject_id = last.subject_id
), u as (
	update users set two_factor_enabled = false, updated_at = now()
	from last where users.id = $3::uuid
), d as (
	update devices set revoked_at = now()
	from gone where user_id = $3::uuid and revoked_at is null
), c as (
	update challenges set used_at = now()
	from gone where user_id = $3::uuid and used_at is null
), j as (
	insert into jobs (id, kind, payload, priority, expires_at)
	select t.* from gone, job_drafts($5::json) t
), a as (
	insert into audit_logs (user_id, actor_id, action, resource, result,
		reason, ip_address, user_agent, request_id)
	select coalesce($3::uuid, $4::uuid), $9::uuid, '2fa.disabled',
		case when $3::text is null then 'subjects/' || subject_id
			else 'users' end,
		'success', $2, $6, $7, $8
	from gone
)
select exists (select from last) from gone;

-- name: backup_renew
-- New codes void the old ones (security row BC4).
-- 1 subject, 2 set, 3 prefixes, 4 hashes (a line each), 5 mails, 6 ip,
-- 7 user agent, 8 request id
with n as (
	update subjects set codes_id = $2::uuid, codes_failures = 0
	where id = $1::uuid and exists (select from factors f
		where f.subject_id = $1::uuid and f.enabled_at is not null)
	returning id
), g as (
	delete from backup_codes using n
	where subject_id = n.id and set_id <> $2::uuid
), b as (
	insert into backup_codes (set_id, prefix, subject_id, hash)
	select $2::uuid, c.prefix, n.id, c.hash
	from n, unnest(string_to_array($3, E'\n'),
		string_to_array($4, E'\n')) as c (prefix, hash)
), j as (
	insert into jobs (id, kind, payload, priority, expires_at)
	select t.* from n, job_drafts($5::json) t
), a as (
	insert into audit_logs (user_id, actor_id, action, resource, result,
		ip_address, user_agent, request_id)
	select n.id, n.id, '2fa.backup_codes', 'users', 'success', $6, $7, $8
	from n
)
select id from n;

-- name: challenge_new
-- The password was right; what is missing is the factor. No row: the password
-- changed while the old one was compared. 1 challenge id, 2 user, 3 amr, 4 the
-- hash that was verified, 5 new hash or null, 6 bucket, 7 total bucket,
-- 8 remember, 9 device name, 10 life µs, 11 ip, 12 user agent, 13 request id
with u as (
	select id, password_changed_at from users
	where id = $2::uuid and is_active and not must_reset_password
		and ($3 <> 'pwd' or password_hash is not distinct from $4)
), h as (
	update users set password_hash = $5
	where id = $2::uuid and $5::text is not null and password_hash = $4
), c as (
	insert into challenges (id, user_id, amr, password_changed_at, bucket,
		total, remember, device_name, ip_address, expires_at)
	select $1::uuid, u.id, $3, u.password_changed_at, $6, $7, $8::boolean,
		$9, $11, now() + $10::bigint * interval '1 microsecond'
	from u
), a as (
	insert into audit_logs (user_id, actor_id, action, resource, result,
		ip_address, user_agent, request_id)
	select u.id, u.id, 'auth.challenge', 'users', 'success', $11, $12, $13
	from u
)
select array_to_string(array(
		select f.kind from factors f
		where f.subject_id = u.id and f.enabled_at is not null
		order by array_position('{totp,sms,email}', f.kind)), ','),
	exists (select from subjects s join backup_codes b
		on b.set_id = s.codes_id and b.used_at is null
		where s.id = u.id)
from u;

-- name: challenge_subject
-- Whose challenge is it, while it lives? 1 challenge
-- safe: yes
select t.user_id, u.email, case when u.verified_at is not null
	then coalesce(u.full_name, u.first_name, u.username) end
from challenges t join users u on u.id = t.user_id
where t.id = $1::uuid and t.used_at is null and t.attempts < 5
	and t.expires_at > now() and u.is_active
	and u.password_changed_at = t.password_changed_at
	and not u.must_reset_password;

-- name: factor_destination
-- Where a code goes: from the row, never from a request (security row OT3).
-- 1 subject, 2 kind
-- safe: yes
select destination from factors
where subject_id = $1::uuid and kind = $2 and enabled_at is not null
	and failures < 100;

-- name: factor_send
-- Any of the last three codes counts, and all go on counting the attempts of
-- the first since one was right (security row OT4). No row: too many. 1 code id, 2 subject, 3 kind, 4 bound,
-- 5 destination, 6 mac, 7 life µs, 8 job id, 9 job kind, 10 job payload
with spent as (
	select coalesce(max(attempts) filter (where used_at is null
		and created_at > coalesce(right_at, '-infinity')), 0) as n
	from (select *, max(used_at) over () as right_at from factor_codes
		where subject_id = $2::uuid and kind = $3 and bound = $4
			and expires_at > now()) c
), v as (
	update factor_codes set voided_at = now()
	where subject_id = $2::uuid and kind = $3 and bound = $4
		and used_at is null and voided_at is null and id not in (
			select id from factor_codes
			where subject_id = $2::uuid and kind = $3
				and bound = $4 and used_at is null
				and voided_at is null
			order by created_at desc, id desc limit 2)
), o as (
	insert into factor_codes (id, subject_id, kind, bound, destination,
		mac, attempts, expires_at)
	select $1::uuid, $2::uuid, $3, $4, $5, $6::bytea, spent.n,
		now() + $7::bigint * interval '1 microsecond'
	from spent where spent.n < 5
	returning id
), j as (
	insert into jobs (id, kind, payload, priority, expires_at)
	select $8::uuid, $9, $10::bytea, 0,
		now() + $7::bigint * interval '1 microsecond'
	from o
)
select id from o;

-- name: device_list
-- 1 user
-- safe: yes
select id, name, factor_proved, to_us(created_at), to_us(last_used_at),
	to_us(expires_at)
from devices
where user_id = $1::uuid and revoked_at is null and expires_at > now()
order by last_used_at desc, id;

-- name: device_rename
-- 1 user, 2 id, 3 name
update devices set name = $3
where user_id = $1::uuid and id::text = $2 and revoked_at is null
	and expires_at > now()
returning id;

-- name: device_forget
-- 1 user, 2 id or null for all, 3 ip, 4 user agent, 5 request id
with d as (
	update devices set revoked_at = now()
	where user_id = $1::uuid and revoked_at is null
		and ($2::text is null or id::text = $2)
	returning id
), a as (
	insert into audit_logs (user_id, actor_id, action, resource, result,
		ip_address, user_agent, request_id)
	select $1::uuid, $1::uuid, 'device.forget', 'devices', 'success', $3,
		$4, $5
	from d limit 1
)
select id from d;

-- name: device_copied
-- An old token of a device came after a newer one was used.
-- 1 user, 2 device, 3 mails, 4 ip, 5 user agent, 6 request id
with d as (
	update devices set revoked_at = now()
	where id = $2::uuid and user_id = $1::uuid and revoked_at is null
	returning id
), j as (
	insert into jobs (id, kind, payload, priority, expires_at)
	select t.* from d, job_drafts($3::json) t
), a as (
	insert into audit_logs (user_id, action, resource, result, reason,
		ip_address, user_agent, request_id)
	select $1::uuid, 'device.copied', 'devices', 'failure',
		'an old token was used', $4, $5, $6
	from d
)
select id from d;

-- name: factor_reset
-- An administrator takes everything away from somebody who lost it; all that
-- stood on it ends. 1 actor, 2 user, 3 mails, 4 ip, 5 user agent, 6 request id
with ok as (
	select id, holds($1::uuid, 'users.write') and id <> $1::uuid
		and covers_user($1::uuid, id) as allowed
	from users where id = $2::uuid
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
	update sessions set ended_at = now(), end_reason = '2fa reset'
	from u where user_id = u.id and ended_at is null
), d as (
	update devices set revoked_at = now()
	from u where user_id = u.id and revoked_at is null
), c as (
	update challenges set used_at = now()
	from u where user_id = u.id and used_at is null
), j as (
	insert into jobs (id, kind, payload, priority, expires_at)
	select t.* from u, job_drafts($3::json) t
), a as (
	insert into audit_logs (user_id, actor_id, action, resource, result,
		reason, ip_address, user_agent, request_id)
	select id, $1::uuid,
		case when allowed then '2fa.disabled' else 'user.reset_2fa' end,
		'users', case when allowed then 'success' else 'failure' end,
		'reset', $4, $5, $6
	from ok
)
select allowed from ok;
