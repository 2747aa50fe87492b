-- What only posternctl asks.

-- name: ctl_roles_known
-- How many of the roles in $1 (comma separated) there are.
-- safe: yes
select count(*) from roles
where name = any (string_to_array($1, ',')) and is_active;

-- name: ctl_user_create
-- A verified account with its roles. 1 id, 2 email, 3 username, 4 hash or
-- null, 5 first, 6 last, 7 full name, 8 roles, comma separated
with u as (
	insert into users (id, email, username, password_hash, first_name,
		last_name, full_name, is_verified, verified_at)
	values ($1::uuid, $2, $3, $4, $5, $6, $7, true, now())
	returning id, numeric_id, created_at
), r as (
	insert into user_roles (user_id, role_id)
	select u.id, roles.id from u, roles
	where roles.name = any (string_to_array($8, ',')) and is_active
), a as (
	insert into audit_logs (user_id, action, resource, result, reason)
	select id, 'user.create', 'users', 'success', 'posternctl' from u
)
select numeric_id, to_us(created_at) from u;

-- name: ctl_user_find
-- By e-mail address, user name, id or numeric id. 1 that
-- safe: yes
select id, numeric_id, email, username, full_name, is_active, is_verified,
	two_factor_enabled, array_to_string(roles, ', '), first_name,
	last_name, password_hash is not null, must_reset_password,
	to_us(created_at), to_us(updated_at), to_us(last_login_at),
	to_us(password_changed_at),
	(select count(*) from sessions where user_id = users.id
		and ended_at is null and expires_at > now())
from users
where email = fold_case($1) or fold_case(username) = fold_case($1)
	or id::text = fold_case($1) or numeric_id::text = $1
order by (id::text = fold_case($1)) desc, (email = fold_case($1)) desc limit 1;

-- name: ctl_user_list
-- In the order they were made. 1 behind this numeric id, 2 role or null,
-- 3 part of address or name, or null, 4 rows at most
-- safe: yes
select numeric_id, id, email, username, is_active, is_verified,
	array_to_string(roles, ', '), to_us(created_at), to_us(last_login_at)
from users
where numeric_id > $1::bigint and ($2::text is null or $2 = any (roles))
	and ($3::text is null or position(fold_case($3) in email) > 0
		or position(fold_case($3) in fold_case(username)) > 0)
order by numeric_id limit $4::int;

-- name: ctl_admin_lock
-- Whoever may take the last super_admin away waits for the others to commit
-- (security row RB4); the next statement of the batch sees what they did.
select pg_advisory_xact_lock(hashtext('postern last admin'));

-- name: ctl_user_activate
-- 1 user id
with u as (
	update users set is_active = true, updated_at = now()
	where id = $1::uuid returning id
), a as (
	insert into audit_logs (user_id, action, resource, result, reason)
	select id, 'user.activate', 'users', 'success', 'posternctl' from u
)
select id from u;

-- name: ctl_user_deactivate
-- Sessions and open links end with it; never the last active super_admin.
-- 1 user id
with u as (
	update users set is_active = false, updated_at = now()
	where id = $1::uuid and (not 'super_admin' = any (roles)
		or not is_active or exists (
			select 1 from users o where o.id <> $1::uuid
				and o.is_active
				and 'super_admin' = any (o.roles)))
	returning id
), s as (
	update sessions set ended_at = now(), end_reason = 'deactivated'
	from u where user_id = u.id and ended_at is null
), o as (
	update one_time set voided_at = now()
	from u where user_id = u.id and used_at is null and voided_at is null
), a as (
	insert into audit_logs (user_id, action, resource, result, reason)
	select id, 'user.deactivate', 'users', 'success', 'posternctl' from u
)
select id from u;

-- name: ctl_user_set_roles
-- The roles of a user are those of $2 (comma separated), no others; the last
-- active super_admin stays one. 1 user id
with u as (
	select id from users
	where id = $1::uuid and (not 'super_admin' = any (roles)
		or not is_active
		or 'super_admin' = any (string_to_array($2, ','))
		or exists (
			select 1 from users o where o.id <> $1::uuid
				and o.is_active
				and 'super_admin' = any (o.roles)))
), d as (
	delete from user_roles ur using u, roles r
	where ur.user_id = u.id and r.id = ur.role_id
		and not r.name = any (string_to_array($2, ','))
), i as (
	insert into user_roles (user_id, role_id)
	select u.id, r.id from u, roles r
	where r.name = any (string_to_array($2, ',')) and r.is_active
	on conflict do nothing
), a as (
	insert into audit_logs (user_id, action, resource, result, reason)
	select id, 'role.assign', 'users', 'success', 'posternctl: ' || $2
	from u
)
select id from u;

-- name: ctl_user_set_password
-- As a reset by mail, and like it the beginning of an account whose address
-- nobody has proved: what was made before goes. The second factor stays
-- otherwise. Answers how many API keys work on. 1 user id, 2 new hash, 3 mails
with w as (
	select id, address_at, verified_at is null as first
	from users where id = $1::uuid
	for no key update
), u as (
	update users set password_hash = $2, password_changed_at = now(),
		must_reset_password = false, updated_at = now()
	from w where users.id = w.id
	returning users.id, w.first, w.address_at
), l as (
	delete from attempts using u
	where bucket = 'login.all:' || u.id
		or (bucket >= 'login:' || u.id || ':'
			and bucket < 'login:' || u.id || ';')
), j as (
	insert into jobs (id, kind, payload, priority, expires_at)
	select t.* from u, job_drafts($3::json) t
), a as (
	insert into audit_logs (user_id, action, resource, result, reason)
	select id, 'password.reset', 'users', 'success', 'posternctl' from u
)
select id, case when first then 0 else (
		select count(*) from api_keys k where k.user_id = u.id
			and k.is_active
			and (k.expires_at is null or k.expires_at > now())) end,
	start_over(id, case when first then address_at end, 'password reset')
from u;

-- name: ctl_user_unlock
-- As admin_user_unlock. 1 user id
with u as (
	select id from users where id = $1::uuid
), l as (
	delete from attempts using u
	where bucket = 'login.all:' || u.id
		or (bucket >= 'login:' || u.id || ':'
			and bucket < 'login:' || u.id || ';')
		or (bucket >= 'factor:' || u.id || ':'
			and bucket < 'factor:' || u.id || ';')
), r as (
	update users set recovery_failures = 0
	from u where users.id = u.id and recovery_failures > 0
), a as (
	insert into audit_logs (user_id, action, resource, result, reason)
	select id, 'user.unlock', 'users', 'success', 'posternctl' from u
)
select id, 0 from u;

-- name: ctl_user_reset_2fa
-- As factor_reset: all that stood on the factors ends. 1 user id, 2 mails
with f as (
	delete from factors where subject_id = $1::uuid
), n as (
	update subjects set codes_id = null, codes_failures = 0
	where id = $1::uuid
), b as (
	delete from backup_codes where subject_id = $1::uuid
), u as (
	update users set two_factor_enabled = false, updated_at = now()
	where id = $1::uuid
	returning id
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
	select t.* from u, job_drafts($2::json) t
), a as (
	insert into audit_logs (user_id, action, resource, result, reason)
	select id, '2fa.disabled', 'users', 'success', 'posternctl' from u
)
select id, 0 from u;

-- name: ctl_user_delete
-- The audit log keeps the id; everything else goes with the row. 1 user id
with u as (
	delete from users
	where id = $1::uuid and (not 'super_admin' = any (roles)
		or not is_active or exists (
			select 1 from users o where o.id <> $1::uuid
				and o.is_active
				and 'super_admin' = any (o.roles)))
	returning id
), a as (
	insert into audit_logs (user_id, action, resource, result, reason)
	select id, 'user.delete', 'users', 'success', 'posternctl' from u
)
select id from u;

-- name: ctl_user_import
-- One line of an import: what is there already is left as it is, so that a
-- run may be repeated. Answers the id of a new account or null, and whether
-- the address was there before.
-- 1 id, 2 email, 3 username, 4 hash or null, 5 first, 6 last, 7 full name, 8
-- roles, comma separated, 9 verified, 10 active, 11 created µs or null
with u as (
	insert into users (id, email, username, password_hash, first_name,
		last_name, full_name, is_verified, verified_at, is_active,
		created_at)
	values ($1::uuid, $2, $3, $4, $5, $6, $7, $9::boolean,
		case when $9::boolean then now() end, $10::boolean,
		coalesce(from_us($11::bigint), now()))
	on conflict do nothing
	returning id
), r as (
	insert into user_roles (user_id, role_id)
	select u.id, roles.id from u, roles
	where roles.name = any (string_to_array($8, ',')) and is_active
), a as (
	insert into audit_logs (user_id, action, resource, result, reason)
	select id, 'user.import', 'users', 'success', 'posternctl' from u
)
select (select id from u),
	exists (select 1 from users where email = $2);

-- What a trial of an import runs around the same statements: however slowly
-- the file comes, its one transaction stays, and nothing of it does.
-- name: ctl_import_try
select set_config('idle_in_transaction_session_timeout', '0', true);

-- name: ctl_import_save
savepoint import;

-- name: ctl_import_keep
release savepoint import;

-- name: ctl_import_undo
rollback to savepoint import;

-- name: ctl_signing_key_add
-- A key that signs from now + $5 µs on; with $6 the keys before it verify
-- until then and $6 µs more. 1 kid, 2 algorithm, 3 sealed secret, 4 public
-- key, 5 delay µs, 6 life of what was signed before, µs, or null
with o as (
	update signing_keys set verifies_until = now()
		+ ($5::bigint + $6::bigint) * interval '1 microsecond'
	where $6::text is not null and verifies_until is null
), n as (
	insert into signing_keys (kid, algorithm, secret, public_key,
		signs_from)
	values ($1, $2, $3::bytea, $4::bytea,
		now() + $5::bigint * interval '1 microsecond')
	returning signs_from
), a as (
	insert into audit_logs (action, resource, result, reason)
	select 'key.create', 'signing_keys', 'success', $1 from n
)
select to_us(signs_from) from n;

-- name: ctl_signing_key_list
-- safe: yes
select kid, algorithm, get_byte(secret, 0), to_us(created_at),
	to_us(signs_from), to_us(verifies_until),
	signs_from <= now() and (verifies_until is null
		or verifies_until > now()) and not exists (
		select 1 from signing_keys n where n.signs_from <= now()
			and (n.signs_from, n.kid) > (k.signs_from, k.kid)
			and (n.verifies_until is null
				or n.verifies_until > now())),
	verifies_until is null or verifies_until > now(), secret
from signing_keys k order by signs_from desc, kid;

-- What is sealed at rest, a pair of statements for each table: the list gives
-- cursor, associated data and sealed bytes of what version $1 did not seal,
-- behind cursor $2, $3 at most; the update takes 1 cursor, 2 the bytes as they
-- were read, 3 the same under the key of today.

-- name: ctl_signing_keys_sealed
-- safe: yes
select kid, 'signing_keys/secret/' || kid, secret from signing_keys
where get_byte(secret, 0) <> $1::int and ($2::text is null or kid > $2)
order by kid limit $3::int;

-- name: ctl_signing_key_reseal
update signing_keys set secret = $3::bytea
where kid = $1 and secret = $2::bytea returning kid;

-- name: ctl_jobs_sealed
-- safe: yes
select id, 'jobs/payload/' || id, payload from jobs
where payload is not null and get_byte(payload, 0) <> $1::int
	and ($2::uuid is null or id > $2::uuid)
order by id limit $3::int;

-- name: ctl_job_reseal
update jobs set payload = $3::bytea
where id = $1::uuid and payload = $2::bytea returning id;

-- name: ctl_factors_sealed
-- safe: yes
select f.subject_id || '/' || f.kind || '/' || s.place,
	'factors/' || case s.place when 'codes' then 'codes' else 'secret' end
		|| '/' || f.subject_id || '/' || f.kind || '/' || s.id, s.sealed
from factors f cross join lateral (values
	('codes', f.pending_id, f.pending_codes),
	('pending', f.pending_id, f.pending_secret),
	('secret', f.id, f.secret)) s (place, id, sealed)
where s.sealed is not null and get_byte(s.sealed, 0) <> $1::int
	and ($2::text is null
		or (f.subject_id >= split_part($2, '/', 1)::uuid
		and (f.subject_id, f.kind, s.place) > (split_part($2, '/', 1)::uuid,
			split_part($2, '/', 2), split_part($2, '/', 3))))
order by f.subject_id, f.kind, s.place limit $3::int;

-- name: ctl_factor_reseal
update factors set
	secret = case when secret = $2::bytea then $3::bytea else secret end,
	pending_secret = case when pending_secret = $2::bytea then $3::bytea
		else pending_secret end,
	pending_codes = case when pending_codes = $2::bytea then $3::bytea
		else pending_codes end
where subject_id = split_part($1, '/', 1)::uuid
	and kind = split_part($1, '/', 2)
	and $2::bytea in (secret, pending_secret, pending_codes)
returning subject_id;

-- name: ctl_webhooks_sealed
-- safe: yes
select w.id || '/' || s.place, 'webhooks/secret/' || w.id, s.sealed
from webhooks w cross join lateral (values ('previous', w.previous_secret),
	('secret', w.secret)) s (place, sealed)
where s.sealed is not null and get_byte(s.sealed, 0) <> $1::int
	and ($2::text is null
		or (w.id >= split_part($2, '/', 1)::uuid
		and (w.id, s.place) > (split_part($2, '/', 1)::uuid,
			split_part($2, '/', 2))))
order by w.id, s.place limit $3::int;

-- name: ctl_webhook_reseal
update webhooks set
	secret = case when secret = $2::bytea then $3::bytea else secret end,
	previous_secret = case when previous_secret = $2::bytea then $3::bytea
		else previous_secret end
where id = split_part($1, '/', 1)::uuid
	and $2::bytea in (secret, previous_secret)
returning id;

-- name: ctl_sealed_count
-- Of all four, for the progress bar. 1 version
-- safe: yes
select (select count(*) from signing_keys where get_byte(secret, 0) <> $1::int)
	+ (select count(*) from jobs
		where payload is not null and get_byte(payload, 0) <> $1::int)
	+ (select count(*) filter (where get_byte(secret, 0) <> $1::int)
		+ count(*) filter (where get_byte(pending_secret, 0) <> $1::int)
		+ count(*) filter (where get_byte(pending_codes, 0) <> $1::int)
		from factors)
	+ (select count(*) filter (where get_byte(secret, 0) <> $1::int)
		+ count(*) filter (where get_byte(previous_secret, 0) <> $1::int)
		from webhooks);

-- name: ctl_one_time
-- The newest live code or link of an address. 1 email
-- safe: yes
select o.id, o.purpose, o.mac, o.destination, to_us(o.expires_at)
from one_time o join users u on u.id = o.user_id
where u.email = fold_case($1) and o.used_at is null and o.voided_at is null
	and o.expires_at > now()
order by o.created_at desc, o.id desc limit 1;

-- name: ctl_doctor
-- What the server promises, and as whom we are there.
-- safe: yes
select current_setting('server_version'), current_setting('fsync'),
	current_setting('synchronous_commit'),
	current_setting('full_page_writes'), current_user::text,
	(select rolsuper from pg_roles where rolname = current_user),
	pg_is_in_recovery(), to_us(clock_timestamp()),
	current_setting('max_connections')::int,
	(select pg_get_userbyid(relowner) = current_user from pg_class
		where oid = to_regclass('users'));
