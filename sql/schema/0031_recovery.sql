-- Recovery, change of address, erasure (security rows RC1 to RC5, EC1 to EC5,
-- PV1 to PV3).

-- Further addresses of a user, each confirmed before it is used.
create table recovery_methods (
	id uuid primary key,
	user_id uuid not null references users on delete cascade,
	type text not null check (type in ('email', 'phone')),
	value text not null check (length(value) <= 254),
	created_at timestamptz not null default now(),
	verified_at timestamptz,
	unique (user_id, type, value)
);

-- A recovery under way: codes went out to the methods; tries are counted over
-- all of them.
create table recovery_requests (
	id uuid primary key,
	user_id uuid not null references users on delete cascade,
	attempts integer not null default 0,
	created_at timestamptz not null default now(),
	expires_at timestamptz not null,
	used_at timestamptz
);
create index recovery_requests_user on recovery_requests (user_id);
create index recovery_requests_expiry on recovery_requests (expires_at);
alter table one_time add column request_id uuid
	references recovery_requests on delete cascade;
create index one_time_request on one_time (request_id)
	where request_id is not null;

-- An address that was given up can be taken back for a while; until then
-- nobody else gets it, whichever statement tries (row EC1).
create index one_time_undo on one_time (destination)
	where purpose = 'undo' and used_at is null and voided_at is null;
create function users_email_held() returns trigger language plpgsql as $$
begin
	if exists (select 1 from one_time where purpose = 'undo'
			and destination = new.email and user_id <> new.id
			and used_at is null and voided_at is null
			and expires_at > now()) then
		raise unique_violation using constraint = 'users_email_key',
			message = 'the address may still be taken back';
	end if;
	return new;
end $$;
create trigger users_email_held before insert or update of email on users
	for each row execute function users_email_held();

-- Who logs in again within the cool-off stays (row PV2), however he does.
alter table users add column erase_at timestamptz;
create index users_erase on users (erase_at) where erase_at is not null;
create function sessions_keep_user() returns trigger language plpgsql as $$
begin
	update users set erase_at = null
	where id = new.user_id and erase_at is not null;
	if found then
		insert into audit_logs (user_id, actor_id, action, resource,
			result, ip_address, user_agent)
		values (new.user_id, new.user_id, 'user.erase_cancel',
			'users', 'success', new.ip_address, new.user_agent);
	end if;
	return null;
end $$;
create trigger sessions_keep_user after insert on sessions
	for each row execute function sessions_keep_user();
