-- What only posternctl asks.

-- name: ctl_roles_known
-- How many of the roles in :roles (comma separated) there are.
-- safe: yes
select count(*) as known from roles
where name = any (string_to_array(:roles, ',')) and is_active;

-- name: ctl_user_create
-- A verified account with its roles. Roles are comma separated.
-- int: numeric_id
with u as (
	insert into users (id, email, username, password_hash, first_name,
		last_name, full_name, is_verified, verified_at)
	values (:id::uuid, :email, :username, :password_hash, :first_name,
		:last_name, :full_name, true, now())
	returning id, numeric_id, created_at
), r as (
	insert into user_roles (user_id, role_id)
	select u.id, roles.id from u, roles
	where roles.name = any (string_to_array(:roles, ',')) and is_active
), a as (
	-- use: audit_local(action => 'user.create', resource => 'users',
	--	user => id)
	from u
)
select numeric_id, to_us(created_at) as created_at from u;

-- name: ctl_user_find
-- By e-mail address, user name, id or numeric id.
-- int: numeric_id, sessions
-- bool: two_factor_enabled, must_reset_password
-- safe: yes
select id, numeric_id, email, username, full_name, is_active, is_verified,
	two_factor_enabled, array_to_string(roles, ', ') as roles, first_name,
	last_name, password_hash is not null as has_password,
	must_reset_password,
	to_us(created_at) as created_at, to_us(updated_at) as updated_at,
	to_us(last_login_at) as last_login_at,
	to_us(password_changed_at) as password_changed_at,
	(select count(*) from sessions where user_id = users.id
		and ended_at is null and expires_at > now()) as sessions
from users
where email = fold_case(:who) or fold_case(username) = fold_case(:who)
	or id::text = fold_case(:who) or numeric_id::text = :who
order by (id::text = fold_case(:who)) desc,
	(email = fold_case(:who)) desc limit 1;

-- name: ctl_user_list
-- In the order they were made.
-- int: numeric_id
-- safe: yes
select numeric_id, id, email, username, is_active, is_verified,
	array_to_string(roles, ', ') as roles, to_us(created_at) as created_at,
	to_us(last_login_at) as last_login_at
from users
where numeric_id > :behind::bigint
	and (:role::text is null or :role = any (roles))
	and (:search::text is null or position(fold_case(:search) in email) > 0
		or position(fold_case(:search) in fold_case(username)) > 0)
order by numeric_id limit :limit::int;

-- name: ctl_admin_lock
-- Whoever may take the last super_admin away waits for the others to commit
-- (security row RB4); the next statement of the batch sees what they did.
select pg_advisory_xact_lock(hashtext('postern last admin')) as locked;

-- name: ctl_user_activate
with u as (
	update users set is_active = true, updated_at = now()
	where id = :user_id::uuid returning id
), a as (
	-- use: audit_local(action => 'user.activate', resource => 'users',
	--	user => id)
	from u
)
select id from u;

-- name: ctl_user_deactivate
-- Sessions and open links end with it; never the last active super_admin.
with u as (
	update users set is_active = false, updated_at = now()
	where id = :user_id::uuid and (not 'super_admin' = any (roles)
		or not is_active or exists (
			select 1 from users o where o.id <> :user_id::uuid
				and o.is_active
				and 'super_admin' = any (o.roles)))
	returning id
), s as (
	-- use: end_sessions(of => u, reason => 'deactivated')
), o as (
	update one_time set voided_at = now()
	from u where user_id = u.id and used_at is null and voided_at is null
), a as (
	-- use: audit_local(action => 'user.deactivate', resource => 'users',
	--	user => id)
	from u
)
select id from u;

-- name: ctl_user_set_roles
-- The roles of a user are those of :roles (comma separated), no others; the
-- last active super_admin stays one.
with u as (
	select id from users
	where id = :user_id::uuid and (not 'super_admin' = any (roles)
		or not is_active
		or 'super_admin' = any (string_to_array(:roles, ','))
		or exists (
			select 1 from users o where o.id <> :user_id::uuid
				and o.is_active
				and 'super_admin' = any (o.roles)))
), d as (
	delete from user_roles ur using u, roles r
	where ur.user_id = u.id and r.id = ur.role_id
		and not r.name = any (string_to_array(:roles, ','))
), i as (
	insert into user_roles (user_id, role_id)
	select u.id, r.id from u, roles r
	where r.name = any (string_to_array(:roles, ',')) and r.is_active
	on conflict do nothing
), a as (
	-- use: audit_local(action => 'role.assign', resource => 'users',
	--	user => id, reason => 'posternctl: ' || :roles)
	from u
)
select id from u;

-- name: ctl_user_set_password
-- As a reset by mail, and like it the beginning of an account whose address
-- nobody has proved: what was made before goes. The second factor stays
-- otherwise. Answers how many API keys work on.
-- row: ctl_rescued
-- int: api_keys
with w as (
	select id, address_at, verified_at is null as first
	from users where id = :user_id::uuid
	for no key update
), u as (
	update users set password_hash = :password_hash,
		password_changed_at = now(),
		must_reset_password = false, updated_at = now()
	from w where users.id = w.id
	returning users.id, w.first, w.address_at
), hk as (
	-- use: keep_password(of => u)
), hd as (
	-- use: drop_passwords(of => u)
), l as (
	delete from attempts using u
	where bucket = 'login.all:' || u.id
		or (bucket >= 'login:' || u.id || ':'
			and bucket < 'login:' || u.id || ';')
), j as (
	-- use: send(from => u)
), a as (
	-- use: audit_local(action => 'password.reset', resource => 'users',
	--	user => id)
	from u
)
select id, case when first then 0 else (
		select count(*) from api_keys k where k.user_id = u.id
			and k.is_active
			and (k.expires_at is null or k.expires_at > now()))
				end as api_keys,
	start_over(id, case when first then address_at end,
	'password reset') as started_over
from u;

-- name: ctl_user_unlock
-- As admin_user_unlock.
-- row: ctl_rescued
with u as (
	select id from users where id = :user_id::uuid
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
	-- use: audit_local(action => 'user.unlock', resource => 'users',
	--	user => id)
	from u
)
select id, 0::bigint as api_keys, null as started_over from u;

-- name: ctl_user_reset_2fa
-- As factor_reset: all that stood on the factors ends.
-- row: ctl_rescued
with f as (
	delete from factors where subject_id = :user_id::uuid
), n as (
	update subjects set codes_id = null, codes_failures = 0
	where id = :user_id::uuid
), b as (
	delete from backup_codes where subject_id = :user_id::uuid
), u as (
	update users set two_factor_enabled = false, updated_at = now()
	where id = :user_id::uuid
	returning id
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
	-- use: audit_local(action => '2fa.disabled', resource => 'users',
	--	user => id)
	from u
)
select id, 0::bigint as api_keys, null as started_over from u;

-- name: ctl_user_delete
-- The audit log keeps the id; everything else goes with the row.
with u as (
	delete from users
	where id = :user_id::uuid and (not 'super_admin' = any (roles)
		or not is_active or exists (
			select 1 from users o where o.id <> :user_id::uuid
				and o.is_active
				and 'super_admin' = any (o.roles)))
	returning id
), a as (
	-- use: audit_local(action => 'user.delete', resource => 'users',
	--	user => id)
	from u
)
select id from u;

-- name: ctl_user_import
-- One line of an import: what is there already is left as it is, so that a
-- run may be repeated. Answers the id of a new account or null, and whether
-- the address was there before. Roles are comma separated.
-- null: created_at
-- row: ctl_user_imported
with u as (
	insert into users (id, email, username, password_hash, first_name,
		last_name, full_name, is_verified, verified_at, is_active,
		created_at)
	values (:id::uuid, :email, :username, :password_hash, :first_name,
		:last_name, :full_name, :is_verified::boolean,
		case when :is_verified::boolean then now() end,
			:is_active::boolean,
		coalesce(from_us(:created_at::bigint), now()))
	on conflict do nothing
	returning id
), r as (
	insert into user_roles (user_id, role_id)
	select u.id, roles.id from u, roles
	where roles.name = any (string_to_array(:roles, ',')) and is_active
), a as (
	-- use: audit_local(action => 'user.import', resource => 'users',
	--	user => id)
	from u
)
select (select id from u) as id,
	exists (select 1 from users where email = :email) as is_known;

-- name: ctl_user_import_again
-- A line that repeats what an earlier one of a trial made, perhaps its address:
-- as ctl_user_import, which makes nothing of it.
-- row: ctl_user_imported
-- safe: yes
select null::uuid as id, :same_email::boolean or exists (select 1 from users
	where email = :email) as is_known;

-- name: ctl_signing_key_add
-- A key that signs from now + :delay µs on; with :overlap the keys before
-- it verify until then and :overlap µs more.
-- null: overlap
with o as (
	update signing_keys set verifies_until = now()
		+ (:delay::bigint + :overlap::bigint) *
			interval '1 microsecond'
	where :overlap::bigint is not null and verifies_until is null
), n as (
	insert into signing_keys (kid, algorithm, secret, public_key,
		signs_from)
	values (:kid, :algorithm, :secret::bytea, :public_key::bytea,
		now() + :delay::bigint * interval '1 microsecond')
	returning signs_from
), a as (
	-- use: audit_local(action => 'key.create', resource => 'signing_keys',
	--	reason => :kid)
	from n
)
select to_us(signs_from) as signs_from from n;

-- name: ctl_signing_key_list
-- int: version
-- bool: signs, verifies
-- bytes: secret
-- safe: yes
select kid, algorithm, get_byte(secret, 0) as version,
	to_us(created_at) as created_at,
	to_us(signs_from) as signs_from,
	to_us(verifies_until) as verifies_until,
	signs_from <= now() and (verifies_until is null
		or verifies_until > now()) and not exists (
		select 1 from signing_keys n where n.signs_from <= now()
			and (n.signs_from, n.kid) > (k.signs_from, k.kid)
			and (n.verifies_until is null
				or n.verifies_until > now())) as signs,
	verifies_until is null or verifies_until > now() as verifies, secret
from signing_keys k order by signs_from desc, kid;

-- What is sealed at rest, a pair of statements for each table: the list gives
-- cursor, associated data and sealed bytes of what another version sealed,
-- behind a cursor; the update takes the bytes as they were read, and the same
-- under the key of today.

-- name: ctl_signing_keys_sealed
-- takes: ctl_sealed
-- bytes: sealed
-- row: ctl_sealed
-- safe: yes
select kid as id, 'signing_keys/secret/' || kid as bound,
	secret as sealed from signing_keys
where get_byte(secret, 0) <> :version::int
	and (:behind::text is null or kid > :behind)
order by kid limit :limit::int;

-- name: ctl_signing_key_reseal
-- takes: ctl_reseal
update signing_keys set secret = :sealed::bytea
where kid = :id and secret = :was::bytea returning kid as id;

-- name: ctl_jobs_sealed
-- takes: ctl_sealed
-- bytes: sealed
-- row: ctl_sealed
-- safe: yes
select id, 'jobs/payload/' || id as bound, payload as sealed from jobs
where payload is not null and get_byte(payload, 0) <> :version::int
	and (:behind::uuid is null or id > :behind::uuid)
order by id limit :limit::int;

-- name: ctl_job_reseal
-- takes: ctl_reseal
update jobs set payload = :sealed::bytea
where id = :id::uuid and payload = :was::bytea returning id;

-- name: ctl_factors_sealed
-- takes: ctl_sealed
-- bytes: sealed
-- row: ctl_sealed
-- safe: yes
select f.subject_id || '/' || f.kind || '/' || s.place as id,
	'factors/' || case s.place when 'codes' then 'codes' else 'secret' end
		|| '/' || f.subject_id || '/' || f.kind || '/' ||
			s.id as bound, s.sealed
from factors f cross join lateral (values
	('codes', f.pending_id, f.pending_codes),
	('pending', f.pending_id, f.pending_secret),
	('secret', f.id, f.secret)) s (place, id, sealed)
where s.sealed is not null and get_byte(s.sealed, 0) <> :version::int
	and (:behind::text is null
		or (f.subject_id >= split_part(:behind, '/', 1)::uuid
		and (f.subject_id, f.kind,
			s.place) > (split_part(:behind, '/', 1)::uuid,
			split_part(:behind, '/', 2),
			split_part(:behind, '/', 3))))
order by f.subject_id, f.kind, s.place limit :limit::int;

-- name: ctl_factor_reseal
-- takes: ctl_reseal
update factors set
	secret = case when secret = :was::bytea then :sealed::bytea
		else secret end,
	pending_secret = case when pending_secret = :was::bytea
		then :sealed::bytea
		else pending_secret end,
	pending_codes = case when pending_codes = :was::bytea
		then :sealed::bytea
		else pending_codes end
where subject_id = split_part(:id, '/', 1)::uuid
	and kind = split_part(:id, '/', 2)
	and :was::bytea in (secret, pending_secret, pending_codes)
returning subject_id as id;

-- name: ctl_webhooks_sealed
-- takes: ctl_sealed
-- bytes: sealed
-- row: ctl_sealed
-- safe: yes
select w.id || '/' || s.place as id, 'webhooks/secret/' || w.id as bound,
	s.sealed
from webhooks w cross join lateral (values ('previous', w.previous_secret),
	('secret', w.secret)) s (place, sealed)
where s.sealed is not null and get_byte(s.sealed, 0) <> :version::int
	and (:behind::text is null
		or (w.id >= split_part(:behind, '/', 1)::uuid
		and (w.id, s.place) > (split_part(:behind, '/', 1)::uuid,
			split_part(:behind, '/', 2))))
order by w.id, s.place limit :limit::int;

-- name: ctl_webhook_reseal
-- takes: ctl_reseal
update webhooks set
	secret = case when secret = :was::bytea then :sealed::bytea
		else secret end,
	previous_secret = case when previous_secret = :was::bytea
		then :sealed::bytea
		else previous_secret end
where id = split_part(:id, '/', 1)::uuid
	and :was::bytea in (secret, previous_secret)
returning id;

-- name: ctl_sealed_count
-- Of all four, for the progress bar.
-- int: sealed
-- safe: yes
select (select count(*) from signing_keys
	where get_byte(secret, 0) <> :version::int)
	+ (select count(*) from jobs
		where payload is not null
			and get_byte(payload, 0) <> :version::int)
	+ (select count(*) filter (where get_byte(secret, 0) <> :version::int)
		+ count(*)
			filter (where get_byte(pending_secret,
			0) <> :version::int)
		+ count(*)
			filter (where get_byte(pending_codes,
			0) <> :version::int)
		from factors)
	+ (select count(*) filter (where get_byte(secret, 0) <> :version::int)
		+ count(*)
			filter (where get_byte(previous_secret,
			0) <> :version::int)
		from webhooks) as sealed;

-- name: ctl_one_time
-- The newest live code or link of an address.
-- bytes: mac
-- safe: yes
select o.id, o.purpose, o.mac, o.destination, to_us(o.expires_at) as expires_at
from one_time o join users u on u.id = o.user_id
where u.email = fold_case(:email) and o.used_at is null and o.voided_at is null
	and o.expires_at > now()
order by o.created_at desc, o.id desc limit 1;

-- name: ctl_doctor
-- What the server promises, and as whom we are there.
-- safe: yes
select current_setting('server_version') as server_version,
	current_setting('fsync') as fsync,
	current_setting('synchronous_commit') as synchronous_commit,
	current_setting('full_page_writes') as full_page_writes,
	current_user::text as role,
	(select rolsuper from pg_roles where rolname = current_user)
		as is_superuser,
	pg_is_in_recovery() as is_standby, to_us(clock_timestamp()) as time,
	current_setting('max_connections')::int as max_connections,
	(select pg_get_userbyid(relowner) = current_user from pg_class
		where oid = to_regclass('users')) as is_owner;

-- name: ctl_webhook_list
-- For posternctl: webhooks with something to do, or in trouble.
-- int: failures, pending, failed, dropped
-- safe: yes
select w.id, u.email, w.url, w.is_active, w.failures,
	to_us(w.failing_since) as failing_since,
	d.pending, d.failed, o.dropped
from webhooks w join users u on u.id = w.user_id
	cross join lateral (
		select count(*) filter (where state = 'ready') as pending,
			count(*) filter (where state = 'dead') as failed
		from webhook_deliveries where webhook_id = w.id) d
	cross join lateral (
		select coalesce(sum(dropped), 0) as dropped
		from webhook_drops where webhook_id = w.id) o
where (d.pending > 0 or d.failed > 0 or w.failures > 0 or not w.is_active
		or o.dropped > 0)
	and (:email::text is null or u.email = fold_case(:email))
order by d.pending desc, w.id limit 200;

-- name: ctl_webhook_retry
-- For posternctl: dead letters of a webhook, or of all, from their first
-- try on with the same ids.
with d as (
	update webhook_deliveries set state = 'ready', failures = 0,
		run_at = now(), finished_at = null, error = null
	where state = 'dead'
		and (:webhook_id::uuid is null
			or webhook_id = :webhook_id::uuid)
		and created_at >= from_us(:since::bigint)
	returning 1
)
select count(*) as retried from d;
