-- Pictures of profiles are objects in a store outside the database: a row for
-- each that was begun, so that none is forgotten there (row MU8). Rows go when
-- their objects have gone, but not within the hour in which they count for the
-- quota.
create table media_objects (
	-- its name in the store: nothing of it is the user's (row MU5)
	key text primary key check (octet_length(key) < 160),
	user_id uuid references users (id) on delete set null,
	kind text not null check (kind in ('profile_picture', 'cover_photo')),
	-- pending: an upload is under way; live: the profile shows it; doomed:
	-- to be removed from the store; gone: removed
	state text not null default 'pending'
		check (state in ('pending', 'live', 'doomed', 'gone')),
	created_at timestamptz not null default now(),
	-- somebody removes it until a minute after this
	claimed_at timestamptz not null default '-infinity'
);
create unique index media_objects_live on media_objects (user_id, kind)
	where state = 'live';
create index media_objects_user on media_objects (user_id, created_at);
create index media_objects_due on media_objects (claimed_at)
	where state in ('pending', 'doomed');
create index media_objects_gone on media_objects (created_at)
	where state = 'gone';

-- With the account its pictures go, however it goes (row PV2).
create function users_media_gone() returns trigger language plpgsql as $$
begin
	update media_objects set state = 'doomed'
	where user_id = old.id and state in ('pending', 'live');
	return old;
end $$;
create trigger users_media_gone before delete on users
	for each row execute function users_media_gone();

-- The name of the object that an event of media-events tells of.
alter table kafka_outbox add column object text;

-- Fires with audit_kafka, for what that one does not know.
create function audit_kafka_media() returns trigger language plpgsql as $$
begin
	if exists (select 1 from kafka_state where enabled) then
		insert into kafka_outbox (topic, event, user_id, object)
		values ('media-events', case new.action
				when 'media.upload' then new.reason || '_uploaded'
				else new.reason || '_deleted' end,
			new.user_id, nullif(substr(new.resource, 7), ''));
	end if;
	return new;
end $$;
create trigger audit_kafka_media before insert on audit_logs for each row
	when (new.action in ('media.upload', 'media.delete')
		and new.result = 'success' and new.user_id is not null)
	execute function audit_kafka_media();

-- A picture is a part of the profile: webhooks hear of both as user.updated.
create function audit_tells_media() returns trigger language plpgsql as $$
begin
	perform event_add('user.updated', new.user_id,
		json_build_object('userId', new.user_id, 'method', null));
	return null;
end $$;
create trigger audit_tells_media after insert on audit_logs for each row
	when (new.action in ('media.upload', 'media.delete')
		and new.result = 'success' and new.user_id is not null)
	execute function audit_tells_media();
