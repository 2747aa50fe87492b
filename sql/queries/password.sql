-- name: password_change
-- The password alone proves nobody anew who has a second factor.
-- 1 user id, 2 new hash, 3 the hash that was verified, 4 session kept, 5 mails,
-- 6 ip, 7 user agent, 8 request id
with u as (
	update users set password_hash = $2, password_changed_at = now(),
		must_reset_password = false, updated_at = now()
	where id = $1::uuid and password_hash is not distinct from $3
		and is_active
	returning id, two_factor_enabled
), s as (
	update sessions set ended_at = now(), end_reason = 'password changed'
	from u where user_id = u.id and ended_at is null
		and sessions.id is distinct from $4::uuid
), k as (
	update sessions set proved_at = now()
	from u where sessions.id = $4::uuid and not u.two_factor_enabled
), d as (
	update devices set revoked_at = now()
	from u where user_id = u.id and revoked_at is null
), o as (
	update one_time set voided_at = now()
	from u where user_id = u.id and used_at is null and voided_at is null
		and purpose in ('reset', 'email')
), j as (
	insert into jobs (id, kind, payload, priority, expires_at)
	select t.* from u, job_drafts($5::json) t
), a as (
	insert into audit_logs (user_id, actor_id, action, resource, result,
		ip_address, user_agent, request_id)
	select id, id, 'password.change', 'users', 'success', $6, $7, $8
	from u
)
select id from u;

-- name: reset_request
-- A new link voids the one before (security row PR3). 1 user id, 2 link id,
-- 3 life µs, 4 job id, 5 job payload, 6 ip, 7 user agent, 8 request id
with v as (
	update one_time set voided_at = now()
	where user_id = $1::uuid and purpose = 'reset' and used_at is null
		and voided_at is null
), o as (
	insert into one_time (id, user_id, purpose, destination, expires_at)
	select $2::uuid, id, 'reset', email,
		now() + $3::bigint * interval '1 microsecond'
	from users where id = $1::uuid and is_active
	returning id, user_id, destination, expires_at
), j as (
	insert into jobs (id, kind, payload, priority, expires_at)
	select $4::uuid, 'mail', $5::bytea, 0,
		now() + $3::bigint * interval '1 microsecond'
	from o
), k as (
	insert into kafka_outbox (topic, event, user_id, email, link_id,
		expires_at)
	select 'user-events', 'password_reset_requested', user_id, destination,
		id, expires_at
	from o where exists (select 1 from kafka_state where enabled)
), a as (
	insert into audit_logs (user_id, action, resource, result, ip_address,
		user_agent, request_id)
	select user_id, 'password.reset_request', 'users', 'success', $6, $7,
		$8
	from o
)
select count(*) from o;

-- name: reset_find
-- Is this link live, and whose is it; has anybody proved the address before?
-- 1 link id
-- safe: yes
select u.id, u.email, u.username, u.verified_at is not null
from one_time o join users u on u.id = o.user_id
where o.id = $1::uuid and o.purpose = 'reset' and o.used_at is null
	and o.voided_at is null and o.expires_at > now() and u.is_active
	and u.email = o.destination;

-- name: reset_confirm
-- Consume the link; only its affected row sets the password. Everything that
-- was open ends; the second factor stays (security rows PR5, PR6), unless this
-- is the first proof of the address: what was made before it goes. An account
-- of the bootstrap address whose password was set this way is an admin's.
-- 1 link id, 2 new hash, 3 mails, 4 ip, 5 user agent, 6 request id,
-- 7 bootstrap admin address
with c as (
	update one_time set used_at = now()
	where id = $1::uuid and purpose = 'reset' and used_at is null
		and voided_at is null and expires_at > now()
	returning user_id, destination
), w as (
	select u.id, u.address_at, u.verified_at is null as first
	from c join users u on u.id = c.user_id and u.email = c.destination
	where u.is_active
	for no key update of u
), u as (
	update users set password_hash = $2, password_changed_at = now(),
		must_reset_password = false, is_verified = true,
		verified_at = coalesce(verified_at, now()), contested = false,
		updated_at = now()
	from w where users.id = w.id
	returning users.id, users.email, w.first, w.address_at
), b as (
	insert into user_roles (user_id, role_id)
	select u.id, roles.id from u, roles
	where roles.name = 'super_admin' and $7 <> ''
		and u.email = fold_case($7)
	on conflict do nothing
), g as (
	delete from registrations using u where user_id = u.id
), l as (
	delete from attempts using u
	where bucket = 'login.all:' || u.id
		or (bucket >= 'login:' || u.id || ':'
			and bucket < 'login:' || u.id || ';')
), j as (
	insert into jobs (id, kind, payload, priority, expires_at)
	select t.* from u, job_drafts($3::json) t
), a as (
	insert into audit_logs (user_id, actor_id, action, resource, result,
		reason, ip_address, user_agent, request_id)
	select id, id, 'password.reset', 'users', 'success',
		case when first then 'registration discarded' end, $4, $5, $6
	from u
)
select id, start_over(id, case when first then address_at end,
	'password reset')
from u;
