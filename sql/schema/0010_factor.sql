-- Second factors: of our own users, and of an application's (seed 001).

-- Whose factors. A user has the id of his account; an application's own user
-- has a name given by the application and belongs to the owner of its key.
create table subjects (
	id uuid primary key,
	user_id uuid unique references users on delete cascade,
	owner_id uuid references users on delete cascade,
	name text check (length(name) between 1 and 200),
	-- the live set of backup codes
	codes_id uuid,
	codes_failures integer not null default 0,
	created_at timestamptz not null default now(),
	unique (owner_id, name),
	check ((user_id is null) <> (owner_id is null)),
	check (user_id is null or user_id = id),
	check ((owner_id is null) = (name is null))
);

-- One row a subject and kind: what is live, and beside it what was asked for
-- and not yet proved, so that a setup never touches the live secret (security
-- row TO3). Secrets are sealed to 'factors/secret/<subject>/<kind>/<id>'.
create table factors (
	subject_id uuid not null references subjects on delete cascade,
	kind text not null check (kind in ('totp', 'sms', 'email')),
	id uuid,
	secret bytea,
	destination text,
	last_step bigint not null default 0,
	failures integer not null default 0,
	enabled_at timestamptz,
	last_used_at timestamptz,
	pending_id uuid,
	pending_secret bytea,
	pending_destination text,
	pending_codes bytea,
	pending_session uuid,
	pending_until timestamptz,
	pending_attempts integer not null default 0,
	primary key (subject_id, kind)
);

-- The first two characters find the code, so that one try costs one hash
-- (security row BC2).
create table backup_codes (
	set_id uuid not null,
	prefix text not null check (length(prefix) = 2),
	subject_id uuid not null references subjects on delete cascade,
	hash text not null,
	created_at timestamptz not null default now(),
	used_at timestamptz,
	primary key (set_id, prefix)
);
create index backup_codes_subject on backup_codes (subject_id);

-- Codes sent by SMS and mail. bound names the setup, challenge, session or key
-- the code was made for; the destination was fixed with it (security row OT3).
create table factor_codes (
	id uuid primary key,
	subject_id uuid not null,
	kind text not null,
	bound text not null,
	destination text not null,
	mac bytea not null,
	attempts integer not null default 0,
	max_attempts integer not null default 5,
	created_at timestamptz not null default now(),
	expires_at timestamptz not null,
	used_at timestamptz,
	voided_at timestamptz,
	foreign key (subject_id, kind) references factors on delete cascade
);
create index factor_codes_subject on factor_codes (subject_id, bound)
	where used_at is null;
create index factor_codes_expiry on factor_codes (expires_at);

-- A login whose password was right and whose factor is to come (security rows
-- LG8, TO10). It ends with the password that made it.
create table challenges (
	id uuid primary key,
	user_id uuid not null references users on delete cascade,
	amr text not null,
	password_changed_at timestamptz not null,
	attempts integer not null default 0,
	bucket text,
	total text,
	remember boolean not null default false,
	device_name text,
	ip_address text,
	created_at timestamptz not null default now(),
	expires_at timestamptz not null,
	used_at timestamptz
);
create index challenges_user on challenges (user_id);
create index challenges_expiry on challenges (expires_at);

-- A device's token moves on with each use; one from before the last that was
-- used is a copy (security row TD4).
alter table devices add column generation bigint not null default 0;

-- Use up one proof, exactly once: a TOTP step later than the last one, a sent
-- code, or a backup code; what was not given is null. A proof forgives the
-- failures before it (security rows TO4, BC3, OT4, RL7).
create function factor_use(p_subject uuid, p_kind text, p_id uuid,
	p_step bigint, p_code uuid, p_set uuid, p_prefix text)
returns boolean language plpgsql volatile as $$
declare
	n integer := 0;
begin
	if p_step is not null then
		update factors set last_step = p_step
		where subject_id = p_subject and kind = p_kind and id = p_id
			and enabled_at is not null and last_step < p_step;
		get diagnostics n = row_count;
	elsif p_code is not null then
		update factor_codes set used_at = now()
		where id = p_code and subject_id = p_subject
			and used_at is null and voided_at is null
			and expires_at > now();
		get diagnostics n = row_count;
	elsif p_set is not null then
		update backup_codes set used_at = now()
		where set_id = p_set and prefix = p_prefix
			and used_at is null and exists (
				select from subjects s where s.id = p_subject
					and s.codes_id = p_set);
		get diagnostics n = row_count;
	end if;
	if n = 0 then
		return false;
	end if;
	update factors set failures = 0, last_used_at =
		case when kind = p_kind then now() else last_used_at end
	where subject_id = p_subject;
	update subjects set codes_failures = 0 where id = p_subject;
	return true;
end $$;
