-- name: erase_request
-- Everything ends now, the account after the cool-off; the last active
-- super_admin stays (security row PV2).
with u as (
	update users set updated_at = now(),
		erase_at = now() + :cool_off::bigint * interval '1 microsecond'
	where id = :user_id::uuid and is_active
		and (not 'super_admin' = any (roles)
		or exists (select 1 from users o where o.id <> :user_id::uuid
			and o.is_active and 'super_admin' = any (o.roles)))
	returning id, erase_at
), s as (
	-- use: end_sessions(of => u, reason => 'erasure')
), d as (
	-- use: forget_devices(of => u)
), j as (
	-- use: send(from => u)
), a as (
	-- use: audit(action => 'user.erase_request', resource => 'users',
	--	user => id)
	from u
)
select to_us(erase_at) as erase_at from u;

-- name: account_export
-- Everything held about a user, a JSON text a row: what it is, then it
-- (security row PV1). No secrets.
-- safe: yes
select 'profile' as part, json_build_object('id', id, 'numeric_id', numeric_id,
	'email', email, 'username', username, 'first_name', first_name,
	'last_name', last_name, 'full_name', full_name, 'roles', roles,
	'is_active', is_active, 'is_verified', is_verified,
	'two_factor_enabled', two_factor_enabled,
	'profile_picture_url', profile_picture_url,
	'cover_photo_url', cover_photo_url, 'last_login_at', last_login_at,
	'password_changed_at', password_changed_at,
	'verified_at', verified_at, 'created_at', created_at,
	'updated_at', updated_at)::text as text
from users where id = :user_id::uuid
union all
select 'sessions', json_build_object('id', id, 'ip_address', ip_address,
	'user_agent', user_agent, 'amr', amr, 'created_at', created_at,
	'last_used_at', last_used_at, 'expires_at', expires_at,
	'ended_at', ended_at, 'end_reason', end_reason)::text
from sessions where user_id = :user_id::uuid
union all
select 'devices', json_build_object('id', id, 'name', name,
	'created_at', created_at, 'last_used_at', last_used_at,
	'expires_at', expires_at, 'revoked_at', revoked_at)::text
from devices where user_id = :user_id::uuid
union all
select 'api_keys', json_build_object('id', id, 'name', name, 'key_id', key_id,
	'scopes', scopes, 'rate_limit', rate_limit,
	'allowed_ips', allowed_ips, 'is_active', is_active,
	'usage_count', usage_count, 'last_used_at', last_used_at,
	'expires_at', expires_at, 'created_at', created_at)::text
from api_keys where user_id = :user_id::uuid
union all
select 'webhooks', json_build_object('id', id, 'url', url, 'events', events,
	'is_active', is_active, 'created_at', created_at)::text
from webhooks where user_id = :user_id::uuid
union all
select 'recovery_methods', json_build_object('id', id, 'type', type,
	'value', value, 'verified_at', verified_at,
	'created_at', created_at)::text
from recovery_methods where user_id = :user_id::uuid
union all
select 'factors', json_build_object('kind', kind, 'destination', destination,
	'enabled_at', enabled_at, 'last_used_at', last_used_at)::text
from factors where subject_id = :user_id::uuid and enabled_at is not null
union all
select 'subjects', json_build_object('id', id, 'name', name,
	'created_at', created_at)::text
from subjects where owner_id = :user_id::uuid
union all
select 'audit', line from (
	select json_build_object('created_at', created_at, 'action', action,
		'resource', resource, 'result', result, 'reason', reason,
		'ip_address', ip_address, 'user_agent', user_agent)::text
		as line
	from audit_logs where user_id = :user_id::uuid
	order by id desc limit 5000) audit;
