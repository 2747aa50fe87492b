-- Who may change whom, decided by the database under one lock: nobody grants
-- what he does not hold, and the last active super_admin stays (security rows
-- RB3, RB4).

-- Everything that changes rights takes this lock first, as a statement of its
-- own: what follows in the transaction then sees what others committed.
create function authorisation_lock() returns void
language sql volatile as $$
	select pg_advisory_xact_lock(hashtext('postern last admin'))
$$;

-- The permissions a user's active roles give, whether he is active or not.
create function permissions_of(p_user uuid) returns setof uuid
language sql stable as $$
	select distinct rp.permission_id
	from user_roles ur
		join roles r on r.id = ur.role_id and r.is_active
		join role_permissions rp on rp.role_id = r.id
		join permissions p on p.id = rp.permission_id and p.is_active
	where ur.user_id = p_user
$$;

create function holds(p_user uuid, p_permission text) returns boolean
language sql stable as $$
	select exists (
		select 1 from users u
			join user_roles ur on ur.user_id = u.id
			join roles r on r.id = ur.role_id and r.is_active
			join role_permissions rp on rp.role_id = r.id
			join permissions p on p.id = rp.permission_id
		where u.id = p_user and u.is_active and p.is_active
			and p.name = p_permission)
$$;

-- Does the user hold every permission of this role, active or not?
create function covers_role(p_user uuid, p_role uuid) returns boolean
language sql stable as $$
	select not exists (
		select permission_id from role_permissions
		where role_id = p_role
		except select permissions_of(p_user))
$$;

-- Does the user hold all that another one holds?
create function covers_user(p_user uuid, p_other uuid) returns boolean
language sql stable as $$
	select not exists (
		select permissions_of(p_other)
		except select permissions_of(p_user))
$$;

create function last_super_admin() returns trigger language plpgsql as $$
declare
	was boolean;
	gone uuid; -- still there while a row trigger runs before
begin
	if tg_table_name = 'user_roles' then
		select exists (
			select 1 from users u, roles r
			where u.id = old.user_id and u.is_active
				and r.id = old.role_id
				and r.name = 'super_admin') into was;
	else
		was := old.is_active and 'super_admin' = any (old.roles);
		gone := old.id;
	end if;
	if was then
		perform authorisation_lock();
		if not exists (
			select 1 from users u
				join user_roles ur on ur.user_id = u.id
				join roles r on r.id = ur.role_id
			where r.name = 'super_admin' and u.is_active
				and u.id is distinct from gone) then
			raise exclusion_violation using
				message = 'the last super_admin stays',
				constraint = 'last_super_admin';
		end if;
	end if;
	return case when tg_op = 'DELETE' then old else new end;
end $$;
create trigger user_roles_last after delete or update of user_id, role_id
	on user_roles for each row execute function last_super_admin();
create trigger users_last_active after update of is_active on users
	for each row when (old.is_active and not new.is_active)
	execute function last_super_admin();
create trigger users_last_delete before delete on users
	for each row execute function last_super_admin();

-- super_admin may do everything, also what was named a moment ago.
create function super_admin_holds() returns trigger language plpgsql as $$
begin
	insert into role_permissions
	select r.id, new.id from roles r where r.name = 'super_admin'
	on conflict do nothing;
	return null;
end $$;
create trigger permissions_to_super_admin after insert on permissions
	for each row execute function super_admin_holds();

-- users.roles shows names of active roles: follow a role that changes.
create function roles_follow() returns trigger language plpgsql as $$
begin
	update users set roles = coalesce((
		select array_agg(r.name order by r.rank desc, r.name)
		from user_roles ur join roles r on r.id = ur.role_id
		where ur.user_id = users.id and r.is_active), '{}')
	where id in (select user_id from user_roles where role_id = new.id);
	return null;
end $$;
create trigger roles_follow after update of name, is_active, rank on roles
	for each row when ((old.name, old.is_active, old.rank)
		is distinct from (new.name, new.is_active, new.rank))
	execute function roles_follow();

-- Search by a part of address or name. With pg_trgm it stays flat; where the
-- extension may not be made, the same query reads the table.
create index users_email_prefix on users (email text_pattern_ops);
create index users_username_prefix on users (lower(username) text_pattern_ops);
do $trigram$
declare
	home text;
begin
	if not exists (select 1 from pg_extension
			where extname = 'pg_trgm') then
		create schema if not exists trigram;
		create extension pg_trgm schema trigram;
	end if;
	select quote_ident(nspname) into home
	from pg_extension e join pg_namespace n on n.oid = e.extnamespace
	where extname = 'pg_trgm';
	execute format($i$create index users_search on users using gin ((lower(
		email || ' ' || username || ' ' || coalesce(full_name, '')))
		%s.gin_trgm_ops)$i$, home);
exception when others then
	raise notice 'search without pg_trgm: %', sqlerrm;
end
$trigram$;

-- The list counts holders of a role, inactive and unverified accounts by
-- themselves.
create index users_roles on users using gin (roles);
create index users_inactive on users (id) where not is_active;
create index users_unverified on users (id) where not is_verified;
