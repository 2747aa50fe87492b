-- Administration of roles and permissions; see admin_user.sql for the form.

-- name: role_list
-- 1 id or null, 2 name or null, 3 limit, 4 offset
-- safe: yes
select r.id, r.name, r.description, r.is_active, r.is_system,
	to_us(r.created_at), to_us(r.updated_at),
	coalesce((select string_agg(p.name, ',' order by p.name)
		from role_permissions rp
			join permissions p on p.id = rp.permission_id
		where rp.role_id = r.id), ''),
	count(*) over ()
from roles r
where ($1::uuid is null or r.id = $1::uuid)
	and ($2::text is null or r.name = $2)
order by r.is_system desc, r.rank desc, r.name limit $3::integer offset $4::integer;

-- name: permission_list
-- 1 limit, 2 offset
-- safe: yes
select id, name, resource, action, description, is_active,
	to_us(created_at), count(*) over ()
from permissions order by name limit $1::integer offset $2::integer;

-- name: permission_create
-- 1 actor, 2 id, 3 name, 4 resource, 5 action, 6 description, 7 ip,
-- 8 user agent, 9 request id
with ok as (
	select holds($1::uuid, 'roles.write') as allowed
), p as (
	insert into permissions (id, name, resource, action, description)
	select $2::uuid, $3, $4, $5, $6 from ok where allowed
	on conflict (id) do nothing
	returning id
), a as (
	insert into audit_logs (actor_id, action, resource, result, reason,
		ip_address, user_agent, request_id)
	select $1::uuid, 'permission.create', 'permissions',
		case when allowed then 'success' else 'failure' end, $3,
		$7, $8, $9
	from ok left join p on true where p.id is not null or not allowed
)
select allowed from ok;

-- name: permissions_known
-- How many of the permissions in $1 (comma separated) there are.
-- safe: yes
select count(*) from permissions
where name = any (string_to_array($1, ',')) and is_active;

-- name: role_create
-- With permissions of which the actor holds every one. 1 actor, 2 id, 3 name,
-- 4 description, 5 permissions, comma separated, 6 ip, 7 user agent,
-- 8 request id
with ok as (
	select holds($1::uuid, 'roles.write') and not exists (
		select id from permissions
		where name = any (string_to_array($5, ','))
		except select permissions_of($1::uuid)) as allowed
), r as (
	insert into roles (id, name, description)
	select $2::uuid, $3, $4 from ok where allowed
	on conflict (id) do nothing
	returning id
), rp as (
	insert into role_permissions
	select r.id, p.id from r, permissions p
	where p.name = any (string_to_array($5, ',')) and p.is_active
), a as (
	insert into audit_logs (actor_id, action, resource, result, reason,
		ip_address, user_agent, request_id)
	select $1::uuid, 'role.create', 'roles',
		case when allowed then 'success' else 'failure' end, $3,
		$6, $7, $8
	from ok left join r on true where r.id is not null or not allowed
)
select allowed from ok;

-- name: role_update
-- Names and state of the seeded roles stay; nobody changes a role that gives
-- more than he has. Switching one off takes it from everybody.
-- 1 actor, 2 role, 3 name, 4 description, 5 active, 6 ip, 7 user agent,
-- 8 request id
with ok as (
	select id, name, holds($1::uuid, 'roles.write')
		and covers_role($1::uuid, id)
		and (not is_system or (coalesce($3, name) = name
			and coalesce($5::boolean, true))) as allowed
	from roles where id = $2::uuid
), r as (
	update roles set name = coalesce($3, roles.name),
		description = coalesce($4, description),
		is_active = coalesce($5::boolean, is_active),
		updated_at = now()
	from ok where roles.id = ok.id and ok.allowed
), a as (
	insert into audit_logs (actor_id, action, resource, result, reason,
		ip_address, user_agent, request_id)
	select $1::uuid, 'role.update', 'roles',
		case when allowed then 'success' else 'failure' end, name,
		$6, $7, $8
	from ok
)
select allowed from ok;

-- name: role_delete
-- 1 actor, 2 role, 3 ip, 4 user agent, 5 request id
with ok as (
	select id, name, holds($1::uuid, 'roles.write')
		and covers_role($1::uuid, id) and not is_system as allowed
	from roles where id = $2::uuid
), r as (
	delete from roles using ok where roles.id = ok.id and ok.allowed
), a as (
	insert into audit_logs (actor_id, action, resource, result, reason,
		ip_address, user_agent, request_id)
	select $1::uuid, 'role.delete', 'roles',
		case when allowed then 'success' else 'failure' end, name,
		$3, $4, $5
	from ok
)
select allowed from ok;

-- name: role_set_permissions
-- The role gives those of $3 (comma separated), no others. The actor must
-- hold what it gave and what it is to give; super_admin keeps everything.
-- 1 actor, 2 role, 4 ip, 5 user agent, 6 request id
with ok as (
	select id, name, holds($1::uuid, 'roles.write')
		and covers_role($1::uuid, id) and name <> 'super_admin'
		and not exists (
			select p.id from permissions p
			where p.name = any (string_to_array($3, ','))
			except select permissions_of($1::uuid)) as allowed
	from roles where id = $2::uuid
), d as (
	delete from role_permissions rp using ok, permissions p
	where rp.role_id = ok.id and ok.allowed and p.id = rp.permission_id
		and not p.name = any (string_to_array($3, ','))
), i as (
	insert into role_permissions
	select ok.id, p.id from ok, permissions p
	where ok.allowed and p.name = any (string_to_array($3, ','))
		and p.is_active
	on conflict do nothing
), u as (
	update roles set updated_at = now() from ok
	where roles.id = ok.id and ok.allowed
), a as (
	insert into audit_logs (actor_id, action, resource, result, reason,
		ip_address, user_agent, request_id)
	select $1::uuid, 'role.set_permissions', 'roles',
		case when allowed then 'success' else 'failure' end,
		left(name || ': ' || $3, 500), $4, $5, $6
	from ok
)
select allowed from ok;

-- name: role_assign
-- 1 actor, 2 user, 3 role id or null, 4 role name or null, 5 ip, 6 user agent,
-- 7 request id. No row: no such user or role.
with ok as (
	select u.id as user_id, r.id as role_id, r.name,
		holds($1::uuid, 'roles.assign')
		and covers_role($1::uuid, r.id)
		and covers_user($1::uuid, u.id) as allowed
	from users u, roles r
	where u.id = $2::uuid and r.is_active
		and (r.id = $3::uuid or r.name = $4::text)
), i as (
	insert into user_roles (user_id, role_id, granted_by)
	select user_id, role_id, $1::uuid from ok where allowed
	on conflict do nothing
), a as (
	insert into audit_logs (user_id, actor_id, action, resource, result,
		reason, ip_address, user_agent, request_id)
	select user_id, $1::uuid, 'role.assign', 'roles',
		case when allowed then 'success' else 'failure' end, name,
		$5, $6, $7
	from ok
)
select allowed from ok;

-- name: role_unassign
-- The same the other way.
with ok as (
	select u.id as user_id, r.id as role_id, r.name,
		holds($1::uuid, 'roles.assign')
		and covers_role($1::uuid, r.id)
		and covers_user($1::uuid, u.id) as allowed
	from user_roles ur join users u on u.id = ur.user_id
		join roles r on r.id = ur.role_id
	where u.id = $2::uuid and (r.id = $3::uuid or r.name = $4::text)
), d as (
	delete from user_roles ur using ok
	where ur.user_id = ok.user_id and ur.role_id = ok.role_id
		and ok.allowed
), a as (
	insert into audit_logs (user_id, actor_id, action, resource, result,
		reason, ip_address, user_agent, request_id)
	select user_id, $1::uuid, 'role.unassign', 'roles',
		case when allowed then 'success' else 'failure' end, name,
		$5, $6, $7
	from ok
)
select allowed from ok;

-- name: permission_check
-- May this user do action on resource? 1 user, 2 resource, 3 action, 4 who
-- asks, 5 ip, 6 user agent, 7 request id. No row: no such user.
with u as (
	select users.id, is_active and exists (
		select 1 from permissions p
		where p.resource = $2 and p.action = $3 and p.is_active
			and p.id in (select permissions_of(users.id)))
		as allowed
	from users where users.id = $1::uuid
), a as (
	insert into audit_logs (user_id, actor_id, action, resource, result,
		reason, ip_address, user_agent, request_id)
	select id, $4::uuid, 'permission.check', left($2, 50),
		case when allowed then 'success' else 'failure' end,
		left($3, 100), $5, $6, $7
	from u
)
select allowed from u;
