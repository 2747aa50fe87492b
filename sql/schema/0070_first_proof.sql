-- Until somebody has shown that he reads the mailbox of an account, whoever
-- registered it may be anybody. users.verified_at is when that was shown, or
-- when an operator who made the account vouched for it; is_verified is what
-- is answered and asked for, and an administrator's word for it proves nothing.

-- address_at: since when the account has its address. contested: somebody else
-- tried to register it while nobody had proved it.
alter table users
	add column address_at timestamptz not null default now(),
	add column contested boolean not null default false;
update users set address_at = created_at where verified_at is null;

-- Later registrations of an address that must be verified first. The first one
-- is the account's; whoever proves the address says which one is his.
create table registrations (
	id uuid primary key,
	user_id uuid not null references users on delete cascade,
	username text not null check (length(username) between 1 and 50),
	password_hash text not null,
	first_name text,
	last_name text,
	full_name text,
	created_at timestamptz not null default now()
);
create index registrations_user on registrations (user_id);
create index registrations_time on registrations (created_at);

-- Of an undo: when the address that may be taken back had been proved, and
-- since when it is not its owner who made things: since the change, or since it
-- came where nobody had proved it.
alter table one_time
	add column proved_at timestamptz,
	add column since timestamptz;
update one_time t set proved_at = u.verified_at, since = t.created_at
from users u where u.id = t.user_id and purpose = 'undo';

-- When the secret of a key was set; null: with the key.
alter table api_keys add column secret_at timestamptz;
create function api_keys_secret() returns trigger language plpgsql as $$
begin
	new.secret_at := now();
	return new;
end $$;
create trigger api_keys_secret before update of secret_hash on api_keys
	for each row when (new.secret_hash is distinct from old.secret_hash)
	execute function api_keys_secret();

-- What a kept answer is about.
create index idempotency_makes on idempotency (makes);

-- Everything that is open ends, but for the right to take an address back.
-- What was made since p_since goes too (null: nothing): it is not the owner's.
-- It is read by the statement that proves whose the account is; what that one
-- makes itself is not older than now() and stays.
create function start_over(p_user uuid, p_since timestamptz, p_reason text)
returns void language plpgsql volatile as $$
begin
	update sessions set ended_at = now(), end_reason = p_reason
	where user_id = p_user and ended_at is null;
	update devices set revoked_at = now()
	where user_id = p_user and revoked_at is null;
	update challenges set used_at = now()
	where user_id = p_user and used_at is null;
	update recovery_requests set used_at = now()
	where user_id = p_user and used_at is null;
	update one_time set voided_at = now()
	where user_id = p_user and used_at is null and voided_at is null
		and created_at < now() and (purpose <> 'undo'
			or created_at > p_since or (p_since is not null
			and destination = (select email from users
				where id = p_user)));
	if p_since is null then
		return;
	end if;
	delete from idempotency where makes = p_user
		or makes in (select id from api_keys where user_id = p_user)
		or makes in (select id from webhooks where user_id = p_user);
	delete from api_keys where user_id = p_user
		and coalesce(secret_at, created_at) >= p_since;
	delete from webhooks where user_id = p_user and created_at >= p_since;
	update webhooks set is_active = false, updated_at = now(),
		disabled_reason = 'changed by somebody else, perhaps'
	where user_id = p_user and is_active and updated_at >= p_since;
	delete from subjects where owner_id = p_user and created_at >= p_since;
	delete from factors where subject_id = p_user
		and (enabled_at is null or enabled_at >= p_since);
	update factors set pending_until = now()
	where subject_id = p_user and pending_until > now();
	delete from backup_codes where subject_id = p_user
		and created_at >= p_since;
	update subjects set codes_id = null
	where id = p_user and not exists (
		select from backup_codes where set_id = codes_id);
	delete from recovery_methods where user_id = p_user
		and greatest(created_at, verified_at) >= p_since;
	delete from login_places where user_id = p_user
		and seen_at >= p_since;
	update users set erase_at = null, two_factor_enabled = exists (
		select from factors
		where subject_id = p_user and enabled_at is not null)
	where id = p_user;
end $$;

-- Notices to an address that nobody has proved hold nothing that a client
-- chose, and are counted.
create or replace view addressees as
select u.id as user_id,
	case when u.verified_at is not null
		then coalesce(u.full_name, u.first_name, u.username) end
		as name,
	(select string_agg(address, E'\n')
		from notice_addresses(u.id, u.email)) as addresses,
	u.verified_at is not null as proved
from users u;

-- A draft with a cap is one of so many in a window, or it is not sent. What
-- came of it is in no answer.
create or replace function job_drafts(p_drafts json) returns table (id uuid,
	kind text, payload bytea, priority smallint, expires_at timestamptz)
language sql volatile as $$
	select d.id, d.kind, decode(d.payload, 'hex'), d.priority,
		now() + d.ttl * interval '1 microsecond'
	from json_to_recordset(p_drafts) d (id uuid, kind text, payload text,
		priority smallint, ttl bigint, cap text, cap_max integer,
		cap_window bigint)
	where case when d.cap is null then true else (select allowed
		from charge_sliding(d.cap, d.cap_max, d.cap_window)) end
$$;
