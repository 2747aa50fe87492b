-- Accounts, roles, sessions, one-time secrets, counted attempts, audit.

-- Who may do what. The service resolves a role to its permissions from memory;
-- role_version tells every process when that memory is old.
create table roles (
	id uuid primary key default gen_random_uuid(),
	name text not null unique check (name ~ '^[a-z][a-z0-9_.-]{0,49}$'),
	description text,
	is_active boolean not null default true,
	is_system boolean not null default false,
	rank integer not null default 0,
	created_at timestamptz not null default now(),
	updated_at timestamptz not null default now()
);
create table permissions (
	id uuid primary key default gen_random_uuid(),
	name text not null unique check (length(name) between 1 and 100),
	resource text not null,
	action text not null,
	description text,
	is_active boolean not null default true,
	created_at timestamptz not null default now(),
	updated_at timestamptz not null default now(),
	unique (resource, action)
);
create table role_permissions (
	role_id uuid not null references roles on delete cascade,
	permission_id uuid not null references permissions on delete cascade,
	primary key (role_id, permission_id)
);
create table role_version (
	one boolean primary key default true check (one),
	version bigint not null default 1
);
insert into role_version default values;

create table users (
	id uuid primary key,
	numeric_id bigint generated always as identity unique,
	email text not null constraint users_email_key unique
		check (length(email) <= 254 and email = lower(email)),
	username text not null check (length(username) between 1 and 50),
	password_hash text,
	first_name text,
	last_name text,
	full_name text,
	is_active boolean not null default true,
	is_verified boolean not null default false,
	two_factor_enabled boolean not null default false,
	must_reset_password boolean not null default false,
	-- the names of user_roles, highest rank first, kept by trigger: one row
	-- read tells all a request needs
	roles text[] not null default '{}',
	profile_picture_url text,
	cover_photo_url text,
	last_login_at timestamptz,
	password_changed_at timestamptz not null default now(),
	verified_at timestamptz,
	created_at timestamptz not null default now(),
	updated_at timestamptz not null default now()
) with (fillfactor = 85);
create unique index users_username_key on users (lower(username));

create table user_roles (
	user_id uuid not null references users on delete cascade,
	role_id uuid not null references roles on delete cascade,
	granted_by uuid,
	granted_at timestamptz not null default now(),
	primary key (user_id, role_id)
);
create index user_roles_role on user_roles (role_id);

create function user_roles_copy() returns trigger language plpgsql as $$
declare
	u uuid := coalesce(new.user_id, old.user_id);
begin
	update users set roles = coalesce((
		select array_agg(r.name order by r.rank desc, r.name)
		from user_roles ur join roles r on r.id = ur.role_id
		where ur.user_id = u and r.is_active), '{}')
	where id = u;
	return null;
end $$;
create trigger user_roles_copy after insert or update or delete on user_roles
	for each row execute function user_roles_copy();

create function role_version_bump() returns trigger language plpgsql as $$
begin
	update role_version set version = version + 1;
	return null;
end $$;
create trigger roles_bump after insert or update or delete on roles
	for each statement execute function role_version_bump();
create trigger permissions_bump after insert or update or delete on permissions
	for each statement execute function role_version_bump();
create trigger role_permissions_bump
	after insert or update or delete on role_permissions
	for each statement execute function role_version_bump();

insert into roles (name, description, is_system, rank) values
	('user', 'Everybody', true, 0),
	('admin', 'Runs the service', true, 100),
	('super_admin', 'May do everything', true, 1000);
insert into permissions (name, resource, action, description) values
	('users.read', 'users', 'read', 'See accounts'),
	('users.write', 'users', 'write', 'Change accounts'),
	('sessions.read', 'sessions', 'read', 'See sessions'),
	('sessions.write', 'sessions', 'write', 'End sessions'),
	('roles.read', 'roles', 'read', 'See roles and permissions'),
	('roles.write', 'roles', 'write', 'Change roles and permissions'),
	('roles.assign', 'roles', 'assign', 'Give and take roles'),
	('audit.read', 'audit', 'read', 'Read the audit log'),
	('stats.read', 'stats', 'read', 'Read statistics');
insert into role_permissions
	select r.id, p.id from roles r, permissions p
	where r.name = 'super_admin'
	or (r.name = 'admin' and p.name <> 'roles.write');

-- A session is a family of refresh tokens: exactly one generation is live
-- (security rows RT1, RT2). Nothing of a token is stored.
create table sessions (
	id uuid primary key,
	numeric_id bigint generated always as identity unique,
	user_id uuid not null references users on delete cascade,
	generation bigint not null default 0,
	amr text not null default 'pwd',
	ip_address text,
	user_agent text,
	created_at timestamptz not null default now(),
	last_used_at timestamptz not null default now(),
	rotated_at timestamptz,
	repair_key bytea,
	proved_at timestamptz not null default now(),
	expires_at timestamptz not null,
	absolute_expires_at timestamptz not null,
	ended_at timestamptz,
	end_reason text
) with (fillfactor = 85);
create index sessions_live on sessions (user_id, created_at)
	where ended_at is null;
create index sessions_expiry on sessions (expires_at);

-- Codes and links that work once. mac is null for links: those are derived
-- from the id (security row PR2). destination was fixed when it was made (OT3).
create table one_time (
	id uuid primary key,
	user_id uuid not null references users on delete cascade,
	purpose text not null,
	destination text not null,
	mac bytea,
	attempts integer not null default 0,
	max_attempts integer not null default 3,
	created_at timestamptz not null default now(),
	expires_at timestamptz not null,
	used_at timestamptz,
	voided_at timestamptz
);
create index one_time_live on one_time (user_id, purpose, created_at desc)
	where used_at is null and voided_at is null;
create index one_time_expiry on one_time (expires_at);

-- Known devices: own lockout budget; after a second factor they skip it.
create table devices (
	id uuid primary key,
	user_id uuid not null references users on delete cascade,
	name text,
	factor_proved boolean not null default false,
	created_at timestamptz not null default now(),
	last_used_at timestamptz not null default now(),
	expires_at timestamptz not null,
	revoked_at timestamptz
);
create index devices_user on devices (user_id) where revoked_at is null;

-- Whatever is counted: one statement charges and decides (security row RL2).
create table attempts (
	bucket text primary key check (length(bucket) <= 400),
	count integer not null,
	expires_at timestamptz not null,
	at bigint[] -- µs: of charge_sliding, what counts now
) with (fillfactor = 70);
create index attempts_expiry on attempts (expires_at);

-- Charge one attempt to a bucket of p_limit within p_window. Reaching the
-- limit holds the bucket for p_lock (0: until the window ends). allowed is
-- false when the budget was spent before.
create function charge(p_bucket text, p_limit integer, p_window bigint,
	p_lock bigint, out allowed boolean, out remaining integer,
	out retry_us bigint)
language sql volatile as $$
	insert into attempts as t (bucket, count, expires_at)
	values (p_bucket, 1, now() + case when p_limit <= 1 and p_lock > 0
		then p_lock else p_window end * interval '1 microsecond')
	on conflict (bucket) do update set
		count = case when t.expires_at <= now() then 1
			else least(t.count + 1, p_limit + 1) end,
		expires_at = case
			when t.expires_at <= now() then excluded.expires_at
			when t.count + 1 = p_limit and p_lock > 0
			then now() + p_lock * interval '1 microsecond'
			else t.expires_at end
	returning count <= p_limit, greatest(p_limit - count, 0),
		greatest(0, (extract(epoch from expires_at - now())
			* 1000000)::bigint)
$$;

-- The same with a window that slides: the times of what was let in are kept.
-- What is refused is not counted. count is what the window holds, one more than
-- the limit after a refusal.
create function charge_sliding(p_bucket text, p_limit integer,
	p_window bigint, out allowed boolean, out remaining integer,
	out retry_us bigint)
language sql volatile as $$
	insert into attempts as t (bucket, count, expires_at, at)
	values (p_bucket, 1, now() + p_window * interval '1 microsecond',
		array[to_us(clock_timestamp())])
	on conflict (bucket) do update set (count, at, expires_at) = (
		select least(cardinality(k.at), p_limit) + 1,
			case when cardinality(k.at) < p_limit
				then k.at || to_us(clock_timestamp())
				else k.at end,
			case when cardinality(k.at) < p_limit
				then excluded.expires_at
				else t.expires_at end
		from (select coalesce(array_agg(u order by u), '{}') as at
			from unnest(t.at) u
			where u > to_us(clock_timestamp()) - p_window) k)
	returning count <= p_limit, greatest(p_limit - count, 0),
		greatest(0, at[greatest(cardinality(at) - p_limit, 0) + 1]
			+ p_window - to_us(clock_timestamp()))
$$;

-- Answers kept for a repeated Idempotency-Key (security row RE9).
create table idempotency (
	key bytea primary key,
	request bytea not null,
	-- the id of what the request makes, whichever try makes it (row RE8)
	makes uuid not null,
	status integer,
	answer bytea,
	created_at timestamptz not null default now(),
	expires_at timestamptz not null
);
create index idempotency_expiry on idempotency (expires_at);

-- EdDSA keys of access tokens; secret sealed, bound to the kid.
create table signing_keys (
	kid text primary key,
	algorithm text not null,
	secret bytea not null,
	public_key bytea,
	created_at timestamptz not null default now(),
	signs_from timestamptz not null default now(),
	verifies_until timestamptz
);

create table audit_logs (
	id bigint generated always as identity primary key,
	created_at timestamptz not null default now(),
	user_id uuid,
	actor_id uuid,
	action text not null,
	resource text not null,
	result text not null check (result in ('success', 'failure')),
	reason text,
	ip_address text,
	user_agent text,
	request_id text
);
create index audit_logs_user on audit_logs (user_id, id desc);
create index audit_logs_time on audit_logs (created_at);
comment on table audit_logs is
	'append-only: written with what it tells of, never changed';
