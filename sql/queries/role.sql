-- Administration of roles and permissions; see admin_user.sql for the form.

-- name: role_load
-- Every role with its permissions, and the version of the whole.
-- int: version
-- safe: yes
select r.name,
	coalesce(string_agg(p.name, ',' order by p.name), '') as permissions,
	(select version from role_version) as version
from roles r
	left join role_permissions rp on rp.role_id = r.id
	left join permissions p on p.id = rp.permission_id and p.is_active
where r.is_active
group by r.id, r.name;

-- name: role_list
-- One row at least, for the total.
-- int: total
-- safe: yes
with found as (
	select * from roles
	where (:id::uuid is null or id = :id::uuid)
		and (:name::text is null or name = :name)
)
select r.id, r.name, r.description, r.is_active, r.is_system,
	to_us(r.created_at) as created_at, to_us(r.updated_at) as updated_at,
	coalesce((select string_agg(p.name, ',' order by p.name)
		from role_permissions rp
			join permissions p on p.id = rp.permission_id
		where rp.role_id = r.id), '') as permissions,
	total.n as total
from (select count(*) as n from found) total left join (
	select * from found order by is_system desc, rank desc, name
	limit :limit::integer offset :offset::integer) r on true
order by r.is_system desc, r.rank desc, r.name;

-- name: permission_list
-- One row at least, for the total.
-- int: total
-- safe: yes
select id, name, resource, action, description, is_active,
	to_us(created_at) as created_at, total.n as total
from (select count(*) as n from permissions) total left join (
	select * from permissions order by name
	limit :limit::integer offset :offset::integer) p on true
order by name;

-- name: permission_create
with ok as (
	select holds(:actor_id::uuid, 'roles.write') as allowed
), p as (
	insert into permissions (id, name, resource, action, description)
	select :id::uuid, :name, :resource, :action,
		:description from ok where allowed
	on conflict (id) do nothing
	returning id
), a as (
	-- use: audit_decision(action => 'permission.create',
	--	resource => 'permissions', reason => :name)
	from ok left join p on true where p.id is not null or not allowed
)
-- use: decision();

-- name: permissions_known
-- How many of the permissions in :permissions (comma separated) there are.
-- safe: yes
select count(*) as known from permissions
where name = any (string_to_array(:permissions, ',')) and is_active;

-- name: role_create
-- With permissions of which the actor holds every one.
with ok as (
	select holds(:actor_id::uuid, 'roles.write') and not exists (
		select id from permissions
		where name = any (string_to_array(:permissions, ','))
		except select permissions_of(:actor_id::uuid)) as allowed
), r as (
	insert into roles (id, name, description)
	select :id::uuid, :name, :description from ok where allowed
	on conflict (id) do nothing
	returning id
), rp as (
	insert into role_permissions
	select r.id, p.id from r, permissions p
	where p.name = any (string_to_array(:permissions, ',')) and p.is_active
), a as (
	-- use: audit_decision(action => 'role.create', resource => 'roles',
	--	reason => :name)
	from ok left join r on true where r.id is not null or not allowed
)
-- use: decision();

-- name: role_update
-- Names and state of the seeded roles stay; nobody changes a role that
-- gives more than he has. Switching one off takes it from everybody.
-- null: is_active
with ok as (
	select id, name, holds(:actor_id::uuid, 'roles.write')
		and covers_role(:actor_id::uuid, id)
		and (not is_system or (coalesce(:name, name) = name
			and coalesce(:is_active::boolean, true))) as allowed
	from roles where id = :role_id::uuid
), r as (
	update roles set name = coalesce(:name, roles.name),
		description = coalesce(:description, description),
		is_active = coalesce(:is_active::boolean, is_active),
		updated_at = now()
	from ok where roles.id = ok.id and ok.allowed
), a as (
	-- use: audit_decision(action => 'role.update', resource => 'roles',
	--	reason => name)
	from ok
)
-- use: decision();

-- name: role_delete
with ok as (
	select id, name, holds(:actor_id::uuid, 'roles.write')
		and covers_role(:actor_id::uuid, id)
			and not is_system as allowed
	from roles where id = :role_id::uuid
), r as (
	delete from roles using ok where roles.id = ok.id and ok.allowed
), a as (
	-- use: audit_decision(action => 'role.delete', resource => 'roles',
	--	reason => name)
	from ok
)
-- use: decision();

-- name: role_set_permissions
-- The role gives those of :permissions (comma separated), no others. The
-- actor must hold what it gave and what it is to give; super_admin keeps
-- everything.
with ok as (
	select id, name, holds(:actor_id::uuid, 'roles.write')
		and covers_role(:actor_id::uuid, id) and name <> 'super_admin'
		and not exists (
			select p.id from permissions p
			where p.name = any (string_to_array(:permissions, ','))
			except select permissions_of(:actor_id::uuid))
				as allowed
	from roles where id = :role_id::uuid
), d as (
	delete from role_permissions rp using ok, permissions p
	where rp.role_id = ok.id and ok.allowed and p.id = rp.permission_id
		and not p.name = any (string_to_array(:permissions, ','))
), i as (
	insert into role_permissions
	select ok.id, p.id from ok, permissions p
	where ok.allowed and p.name = any (string_to_array(:permissions, ','))
		and p.is_active
	on conflict do nothing
), u as (
	update roles set updated_at = now() from ok
	where roles.id = ok.id and ok.allowed
), a as (
	-- use: audit_decision(action => 'role.set_permissions',
	--	resource => 'roles',
	--	reason => left(name || ': ' || :permissions, 500))
	from ok
)
-- use: decision();

-- name: role_assign
-- No row: no such user or role.
-- takes: role_change
with ok as (
	-- use: role_change(from => users u cross join roles r,
	--	also => r.is_active)
), i as (
	insert into user_roles (user_id, role_id, granted_by)
	select user_id, role_id, :actor_id::uuid from ok where allowed
	on conflict do nothing
), a as (
	-- use: audit_decision(action => 'role.assign', resource => 'roles',
	--	user => user_id, reason => name)
	from ok
)
-- use: decision();

-- name: role_unassign
-- The same the other way.
-- takes: role_change
with ok as (
	-- use: role_change(from => user_roles ur
	--	join users u on u.id = ur.user_id
	--	join roles r on r.id = ur.role_id)
), d as (
	delete from user_roles ur using ok
	where ur.user_id = ok.user_id and ur.role_id = ok.role_id
		and ok.allowed
), a as (
	-- use: audit_decision(action => 'role.unassign', resource => 'roles',
	--	user => user_id, reason => name)
	from ok
)
-- use: decision();

-- name: permission_check
-- May this user do action on resource? No row: no such user.
-- bool: allowed
with u as (
	select users.id, is_active and exists (
		select 1 from permissions p
		where p.resource = :resource and p.action = :action
			and p.is_active
			and p.id in (select permissions_of(users.id)))
		as allowed
	from users where users.id = :user_id::uuid
), a as (
	-- use: audit_decision(action => 'permission.check',
	--	resource => left(:resource, 50), user => id,
	--	reason => left(:action, 100))
	from u
)
select allowed from u;
