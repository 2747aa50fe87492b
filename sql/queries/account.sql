-- name: account_register
-- The account, its role, its verification code, its first session, its mail
-- and its audit row, or nothing (security row RE2).
-- 1 id, 2 email, 3 username, 4 password hash, 5 first, 6 last, 7 full name,
-- 8 role, 9 verified, 10 code id or null, 11 code mac, 12 code life µs,
-- 13 code attempts, 14 session id or null, 15 ip, 16 user agent,
-- 17 idle µs, 18 absolute µs, 19 job id or null, 20 job payload,
-- 21 job life µs or null, 22 request id. With an id that is there already the
-- first try was committed (row RE8): this one only reads.
with u as (
	insert into users (id, email, username, password_hash, first_name,
		last_name, full_name, is_verified, verified_at, last_login_at)
	values ($1::uuid, $2, $3, $4, $5, $6, $7, $9::boolean,
		case when $9::boolean then now() end,
		case when $14::text is not null then now() end)
	on conflict (id) do update set updated_at = users.updated_at
	returning *, xmax = 0 as made
), r as (
	insert into user_roles (user_id, role_id)
	select u.id, roles.id from u, roles where roles.name = $8 and u.made
), o as (
	insert into one_time (id, user_id, purpose, destination, mac,
		max_attempts, expires_at)
	select $10::uuid, u.id, 'verify', u.email, $11::bytea, $13::integer,
		now() + $12::bigint * interval '1 microsecond'
	from u where $10::text is not null and u.made
), s as (
	insert into sessions (id, user_id, ip_address, user_agent, expires_at,
		absolute_expires_at)
	select $14::uuid, u.id, $15, $16,
		now() + least($17::bigint, $18::bigint)
			* interval '1 microsecond',
		now() + $18::bigint * interval '1 microsecond'
	from u where $14::text is not null and u.made
	returning numeric_id
), j as (
	insert into jobs (id, kind, payload, priority, expires_at)
	select $19::uuid, 'mail', $20::bytea, 0,
		now() + $21::bigint * interval '1 microsecond'
	from u where $19::text is not null and u.made
), a as (
	insert into audit_logs (user_id, actor_id, action, resource, result,
		ip_address, user_agent, request_id)
	select u.id, u.id, 'auth.register', 'users', 'success', $15, $16, $22
	from u where u.made
)
select u.numeric_id, to_us(u.created_at), coalesce(s.numeric_id,
	(select numeric_id from sessions where id = $14::uuid))
from u left join s on true;

-- name: account_replace_unverified
-- Somebody registers an address that was never verified: what the earlier
-- registration set is discarded (security row LG7). No row: it is verified.
-- 1 email, 2 username, 3 password hash, 4 first, 5 last, 6 full name,
-- 7 code id, 8 code mac, 9 code life µs, 10 code attempts, 11 job id,
-- 12 job payload, 13 job life µs, 14 ip, 15 user agent, 16 request id
with u as (
	update users set username = $2, password_hash = $3, first_name = $4,
		last_name = $5, full_name = $6, password_changed_at = now(),
		updated_at = now()
	where email = $1 and not is_verified and is_active
	returning *
), e as (
	update sessions set ended_at = now(), end_reason = 'replaced'
	from u where user_id = u.id and ended_at is null
), v as (
	update one_time set voided_at = now()
	from u where user_id = u.id and used_at is null and voided_at is null
), o as (
	insert into one_time (id, user_id, purpose, destination, mac,
		max_attempts, expires_at)
	select $7::uuid, u.id, 'verify', u.email, $8::bytea, $10::integer,
		now() + $9::bigint * interval '1 microsecond'
	from u
), j as (
	insert into jobs (id, kind, payload, priority, expires_at)
	select $11::uuid, 'mail', $12::bytea, 0,
		now() + $13::bigint * interval '1 microsecond'
	from u
), a as (
	insert into audit_logs (user_id, actor_id, action, resource, result,
		reason, ip_address, user_agent, request_id)
	select u.id, u.id, 'auth.register', 'users', 'success', 'replaced',
		$14, $15, $16
	from u
)
select u.id, u.numeric_id, to_us(u.created_at) from u;

-- name: account_pretend
-- The number the registration would have had, and whether its name is taken
-- (security row LG3). 1 username
-- safe: yes
select (select last_value from users_numeric_id_seq),
	exists (select 1 from users where fold_case(username) = fold_case($1));

-- name: account_by_email
-- safe: yes
select id, numeric_id, username, coalesce(full_name, first_name, username),
	is_active, is_verified, email
from users where email = $1;

-- name: mail_add
-- A mail without another cause: 1 id, 2 payload, 3 life µs or null,
-- 4 priority.
insert into jobs (id, kind, payload, priority, expires_at)
values ($1::uuid, 'mail', $2::bytea, $4::integer,
	now() + $3::bigint * interval '1 microsecond');

-- name: code_renew
-- A new verification code voids the old one (security row OT4).
-- 1 user id, 2 code id, 3 mac, 4 life µs, 5 attempts, 6 job id, 7 payload,
-- 8 purpose
with v as (
	update one_time set voided_at = now()
	where user_id = $1::uuid and purpose = $8 and used_at is null
		and voided_at is null
), o as (
	insert into one_time (id, user_id, purpose, destination, mac,
		max_attempts, expires_at)
	select $2::uuid, u.id, $8, u.email, $3::bytea, $5::integer,
		now() + $4::bigint * interval '1 microsecond'
	from users u where u.id = $1::uuid
	returning 1
), j as (
	insert into jobs (id, kind, payload, priority, expires_at)
	select $6::uuid, 'mail', $7::bytea, 0,
		now() + $4::bigint * interval '1 microsecond'
	from o
)
select count(*) from o;

-- name: code_find
-- The newest live code of a user: its id makes the MAC. 1 email, 2 purpose
-- safe: yes
select o.id, u.id, u.is_verified, u.is_active, u.username,
	coalesce(u.full_name, u.first_name, u.username)
from users u left join lateral (
	select id from one_time
	where user_id = u.id and purpose = $2 and used_at is null
		and voided_at is null and expires_at > now()
	order by created_at desc, id desc limit 1) o on true
where u.email = $1;

-- name: account_verify
-- Charge the attempt, compare and consume in one statement: at most one
-- success (security rows OT1, OT4). The account is verified, welcomed and
-- audited in the same transaction. No row: no attempt was left.
-- 1 code id, 2 mac, 3 job id, 4 job payload, 5 ip, 6 user agent,
-- 7 request id, 8 bootstrap admin address
with c as (
	update one_time o set attempts = attempts + 1,
		used_at = case when mac = $2::bytea then now() end
	where o.id = $1::uuid and purpose = 'verify' and used_at is null
		and voided_at is null and attempts < max_attempts
		and expires_at > now()
	returning user_id, destination, used_at is not null as matched,
		max_attempts - attempts as remaining
), u as (
	update users set is_verified = true, updated_at = now(),
		verified_at = coalesce(verified_at, now())
	from c where users.id = c.user_id and c.matched
		and users.email = c.destination
	returning users.id, users.email
), b as (
	insert into user_roles (user_id, role_id)
	select u.id, roles.id from u, roles
	where roles.name = 'super_admin' and $8 <> '' and u.email = fold_case($8)
	on conflict do nothing
), j as (
	insert into jobs (id, kind, payload, priority)
	select $3::uuid, 'mail', $4::bytea, 5 from u
), a as (
	insert into audit_logs (user_id, actor_id, action, resource, result,
		ip_address, user_agent, request_id)
	select c.user_id, c.user_id, 'auth.verify_email', 'users',
		case when u.id is not null then 'success' else 'failure' end,
		$5, $6, $7
	from c left join u on true
)
select u.id is not null, c.user_id, c.remaining from c left join u on true;

-- name: account_profile
-- What an account shows of itself. 1 user id
-- safe: yes
select id, numeric_id, email, username, first_name, last_name, full_name,
	is_active, is_verified, two_factor_enabled,
	array_to_string(roles, ','), profile_picture_url, cover_photo_url,
	to_us(last_login_at), to_us(created_at), to_us(updated_at),
	password_hash
from users where id = $1::uuid;

-- name: account_update
-- A profile merges: null keeps what is there, '' clears a name; the full name
-- follows the other two where it is not given. 1 user id, 2 username, 3 first,
-- 4 last, 5 full name, 6 ip, 7 user agent, 8 request id
with u as (
	update users set username = coalesce($2, username),
		first_name = nullif(coalesce($3::text, first_name), ''),
		last_name = nullif(coalesce($4::text, last_name), ''),
		full_name = nullif(case
			when $5::text is not null then $5
			when $3 is null and $4 is null then full_name
			else concat_ws(' ', nullif(coalesce($3, first_name),
				''), nullif(coalesce($4, last_name), ''))
			end, ''), updated_at = now()
	where id = $1::uuid
	returning id
), a as (
	insert into audit_logs (user_id, actor_id, action, resource, result,
		ip_address, user_agent, request_id)
	select id, id, 'user.update', 'users', 'success', $6, $7, $8 from u
)
select id from u;
