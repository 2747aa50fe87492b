-- name: password_change
-- The password alone proves nobody anew who has a second factor.
with u as (
	update users set password_hash = :new_hash,
		password_changed_at = now(),
		must_reset_password = false, updated_at = now()
	where id = :user_id::uuid
		and password_hash is not distinct from :verified_hash
		and is_active
	returning id, two_factor_enabled
), hk as (
	-- use: keep_password(of => u)
), hd as (
	-- use: drop_passwords(of => u)
), s as (
	-- use: end_sessions(of => u, reason => 'password changed')
		and sessions.id is distinct from :session_id::uuid
), k as (
	update sessions set proved_at = now()
	from u where sessions.id = :session_id::uuid
		and not u.two_factor_enabled
), d as (
	-- use: forget_devices(of => u)
), o as (
	update one_time set voided_at = now()
	from u where user_id = u.id and used_at is null and voided_at is null
		and purpose in ('reset', 'email')
), j as (
	-- use: send(from => u)
), a as (
	-- use: audit(action => 'password.change', resource => 'users',
	--	user => id)
	from u
)
select id from u;

-- name: reset_request
-- A new link voids the one before (security row PR3).
with v as (
	update one_time set voided_at = now()
	where user_id = :user_id::uuid and purpose = 'reset'
		and used_at is null
		and voided_at is null
), o as (
	-- use: new_link(user => id, purpose => 'reset', destination => email)
	from users where id = :user_id::uuid and is_active
	returning id, user_id, destination, expires_at
), j as (
	-- use: send_sealed(
	--	expires_at => now() + :life::bigint * interval '1 microsecond')
	from o
), k as (
	insert into kafka_outbox (topic, event, user_id, email, link_id,
		expires_at)
	select 'user-events', 'password_reset_requested', user_id, destination,
		id, expires_at
	from o where exists (select 1 from kafka_state where enabled)
), a as (
	-- use: audit(action => 'password.reset_request', resource => 'users',
	--	user => user_id, actor => null)
	from o
)
select count(*) as requested from o;

-- name: reset_find
-- Is this link live, and whose is it; has anybody proved the address
-- before?
-- safe: yes
select u.id, u.email, u.username, u.verified_at is not null as proved
from one_time o join users u on u.id = o.user_id
where o.id = :link_id::uuid and o.purpose = 'reset' and o.used_at is null
	and o.voided_at is null and o.expires_at > now() and u.is_active
	and u.email = o.destination;

-- name: reset_confirm
-- Consume the link; only its affected row sets the password. Everything
-- that was open ends; the second factor stays (security rows PR5, PR6),
-- unless this is the first proof of the address: what was made before it
-- goes. An account of the bootstrap address whose password was set this way
-- is an admin's.
with l as materialized (
	select u.id, u.address_at, u.verified_at is null as first
	from one_time o join users u on u.id = o.user_id
		and u.email = o.destination
	where o.id = :link_id::uuid and u.is_active
	for no key update of u
), w as (
	update one_time set used_at = now() from l
	where one_time.id = :link_id::uuid and user_id = l.id
		and purpose = 'reset' and used_at is null
		and voided_at is null and expires_at > now()
	returning l.*
), u as (
	update users set password_hash = :new_hash,
		password_changed_at = now(),
		must_reset_password = false, is_verified = true,
		verified_at = coalesce(verified_at, now()), contested = false,
		updated_at = now()
	from w where users.id = w.id
	returning users.id, users.email, w.first, w.address_at
), hk as (
	-- use: keep_password(of => u)
), hd as (
	-- use: drop_passwords(of => u)
), b as (
	insert into user_roles (user_id, role_id)
	select u.id, roles.id from u, roles
	where roles.name = 'super_admin' and :admin_email <> ''
		and u.email = fold_case(:admin_email)
	on conflict do nothing
), g as (
	delete from registrations using u where user_id = u.id
), t as (
	delete from attempts using u
	where bucket = 'login.all:' || u.id
		or (bucket >= 'login:' || u.id || ':'
			and bucket < 'login:' || u.id || ';')
), j as (
	-- use: send(from => u)
), a as (
	-- use: audit(action => 'password.reset', resource => 'users',
	--	user => id,
	--	reason => case when first then 'registration discarded' end)
	from u
)
select id, start_over(id, case when first then address_at end,
	'password reset') as started_over
from u;

-- name: password_history
-- What a new password must not be: the hash there is, and those before it.
-- safe: yes
select hash from (
	select password_hash as hash, null::bigint as id from users
	where id = :user_id::uuid and password_hash is not null
	union all
	(select hash, id from password_history
	where user_id = :user_id::uuid
	order by id desc limit :history::int)
) h;
