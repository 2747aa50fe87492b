-- Events for Kafka: an outbox, written in the transaction of what it tells of
-- (security row RE2). Off, nothing is written and one small row is read.
--
-- A row holds ids, and the address that the published event shows as it was
-- then; users and one_time hold both in clear too. No token: the publisher
-- derives it from the id of its link (row PR2). A row goes when the broker has
-- acknowledged its event.

create table kafka_state (
	one boolean primary key default true check (one),
	-- kafka.enabled of the worker that started last
	enabled boolean not null default false,
	-- one publishes at a time: who, and the fencing token of his lease
	lease_token uuid,
	lease_holder uuid,
	lease_until timestamptz
) with (fillfactor = 50);
insert into kafka_state default values;

create table kafka_outbox (
	-- of the event: a header of its message, the same on every try
	id uuid primary key default uuid_v7(),
	-- one user's rows in the order of what happened
	seq bigint generated always as identity,
	topic text not null
		check (topic in ('user-events', 'auth-events', 'media-events')),
	event text not null check (octet_length(event) <= 100),
	user_id uuid not null,
	email text,
	-- of an application's own user: the name it gave him
	subject text,
	method text,
	-- of a reset link: its token is derived from it
	link_id uuid,
	expires_at timestamptz,
	created_at timestamptz not null default now(),
	state text not null default 'ready' check (state in ('ready', 'dead')),
	attempts integer not null default 0,
	error text,
	finished_at timestamptz,
	check ((state = 'ready') = (finished_at is null))
) with (
	autovacuum_vacuum_scale_factor = 0.01,
	autovacuum_vacuum_threshold = 500,
	autovacuum_vacuum_cost_delay = 0
);
create index kafka_outbox_next on kafka_outbox (topic, seq)
	where state = 'ready';
create index kafka_outbox_dead on kafka_outbox (finished_at)
	where state = 'dead';
create index kafka_outbox_email on kafka_outbox (user_id)
	where email is not null;

-- A webhook's event under the name and in the topic that Kafka has for it.
create function kafka_event(p_event text, out topic text, out event text)
language sql immutable as $$
	select case when p_event in ('user.created', 'password.changed')
			then 'user-events' else 'auth-events' end,
		case p_event when 'user.created' then 'user_signup'
			else replace(p_event, '.', '_') end
$$;

-- Fires before audit_row, by its name: that one may keep the row away. Who
-- has just registered is there already, for his audit row is made from his.
create function audit_kafka() returns trigger language plpgsql as $$
declare
	told text;
	k record;
	address text;
	named text;
begin
	if new.user_id is null or not exists (
			select 1 from kafka_state where enabled) then
		return new;
	end if;
	told := event_of(new.action, new.result, new.reason);
	if told is null then
		return new;
	end if;
	k := kafka_event(told);
	if k.topic = 'user-events' then
		select email into address from users where id = new.user_id;
	end if;
	if new.resource like 'subjects/%' then
		select name into named from subjects
		where id = substr(new.resource, 10)::uuid;
	end if;
	insert into kafka_outbox (topic, event, user_id, email, subject, method)
	values (k.topic, k.event, new.user_id, address, named,
		case when new.action like '2fa.%' and new.reason in
			('totp', 'sms', 'email', 'backup') then new.reason end);
	return new;
end $$;
create trigger audit_kafka before insert on audit_logs for each row
	execute function audit_kafka();

-- Who is erased leaves no address behind (row PV2), published or not.
create function users_kafka_forget() returns trigger language plpgsql as $$
begin
	update kafka_outbox set email = null
	where user_id = old.id and email is not null;
	return null;
end $$;
create trigger users_kafka_forget after delete on users for each row
	execute function users_kafka_forget();
