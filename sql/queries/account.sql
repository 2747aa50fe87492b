-- name: account_register
-- The account, its role, its verification code, its first session, its mail
-- and its audit row, or nothing (security row RE2).
-- 1 id, 2 email, 3 username, 4 password hash, 5 first, 6 last, 7 full name,
-- 8 role, 9 verified, 10 code id or null, 11 code mac, 12 code life µs,
-- 13 code attempts, 14 session id or null, 15 ip, 16 user agent,
-- 17 idle µs, 18 absolute µs, 19 mails, 20 request id. With an id that is
-- there already the first try was committed (row RE8): this one only reads.
-- Verified without a mail is not proved: verified_at stays null.
with u as (
	insert into users (id, email, username, password_hash, first_name,
		last_name, full_name, is_verified, last_login_at)
	values ($1::uuid, $2, $3, $4, $5, $6, $7, $9::boolean,
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
	select t.* from u cross join lateral
		job_drafts(case when u.made then $19::json end) t
), a as (
	insert into audit_logs (user_id, actor_id, action, resource, result,
		ip_address, user_agent, request_id)
	select u.id, u.id, 'auth.register', 'users', 'success', $15, $16, $20
	from u where u.made
)
select u.numeric_id, to_us(u.created_at), coalesce(s.numeric_id,
	(select numeric_id from sessions where id = $14::uuid))
from u left join s on true;

-- name: account_contest
-- Somebody registers an address that has an account: while nobody has proved
-- it, the password of that account may be anybody's. 1 email
update users set contested = true
where email = $1 and verified_at is null and not contested;

-- name: account_pretend
-- The number the registration would have had; is its name another account's,
-- and is it anybody's (security row LG3)? 1 username, 2 email
-- safe: yes
select (select last_value from users_numeric_id_seq),
	exists (select 1 from users where fold_case(username) = fold_case($1)
		and email <> $2),
	exists (select 1 from users where fold_case(username) = fold_case($1));

-- name: account_register_again
-- Another registration of an address that was never verified stands beside
-- the one before, with a code of its own: whoever proves the address says
-- which is his (security row LG7). No row: it is verified, or an account that
-- was somebody's before was moved there. Beyond so many the answer is the same
-- and nothing is kept.
-- 1 id, 2 email, 3 username, 4 password hash, 5 first, 6 last, 7 full name,
-- 8 code id, 9 code mac, 10 code life µs, 11 code attempts, 12 mails,
-- 13 registrations at most, 14 ip, 15 user agent, 16 request id
with u as (
	update users set contested = true
	where email = $2 and not is_verified and is_active
	returning id, email, address_at = created_at as registered
), g as (
	insert into registrations (id, user_id, username, password_hash,
		first_name, last_name, full_name)
	select $1::uuid, u.id, $3, $4, $5, $6, $7
	from u where u.registered and (select count(*) from registrations r
		where r.user_id = u.id) < $13::integer
	on conflict (id) do nothing
	returning user_id
), o as (
	insert into one_time (id, user_id, purpose, destination, mac,
		max_attempts, expires_at)
	select $8::uuid, u.id, 'verify', u.email, $9::bytea, $11::integer,
		now() + $10::bigint * interval '1 microsecond'
	from u join g on g.user_id = u.id
), j as (
	insert into jobs (id, kind, payload, priority, expires_at)
	select t.* from g, job_drafts($12::json) t
), a as (
	insert into audit_logs (user_id, action, resource, result, reason,
		ip_address, user_agent, request_id)
	select user_id, 'auth.register', 'users', 'success', 'again', $14,
		$15, $16
	from g
)
select id from u where registered;

-- name: account_by_email
-- safe: yes
select id, numeric_id, username, case when verified_at is not null
	then coalesce(full_name, first_name, username) end,
	is_active, is_verified, email, verified_at is not null
from users where email = $1;

-- name: mail_add
-- Mails without another cause: 1 drafts
insert into jobs (id, kind, payload, priority, expires_at)
select * from job_drafts($1::json);

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
