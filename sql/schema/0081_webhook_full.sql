-- What may wait for a webhook and for all of one owner's (security row WH12).
-- What comes over that is not kept but counted: the record of the webhook says
-- that it is full and how much was dropped, the audit log that it began.
--
-- Counted is what waits, along the index and never further than the cap, as a
-- counter would make logins wait for each other. Several connections at once
-- may go past it by a row each.

alter table webhooks add full_until timestamptz;

-- The connection chooses the row, so that few wait for each other.
create table webhook_drops (
	webhook_id uuid not null references webhooks on delete cascade,
	stripe integer not null,
	dropped bigint not null default 1,
	last_at timestamptz not null default now(),
	primary key (webhook_id, stripe)
) with (fillfactor = 50);

-- The most that may wait for it: little where nobody ever answered and whoever
-- owns it may not see all users.
create function webhook_cap(p_answered_at timestamptz, p_everyone boolean)
returns integer language sql immutable
return case when p_everyone or p_answered_at is not null then 10000
	else 100 end;

create function webhook_cap_owner() returns integer language sql immutable
return 20000;

-- How many wait, at most p_most.
create function webhook_waiting(p_webhook uuid, p_most integer)
returns bigint language plpgsql stable
set enable_seqscan = off set enable_bitmapscan = off as $$
begin
	return (select count(*) from (
		select from webhook_deliveries
		where webhook_id = p_webhook and state = 'ready'
		limit p_most) few);
end $$;

-- Whether one more fits behind what waits. For one webhook at a time; see
-- event_tell for all of an owner's.
create function webhook_has_room(p_webhook uuid) returns boolean
language plpgsql stable as $$
begin
	return (select bool_and(o.id <> w.id or o.n < o.cap)
			and sum(o.n) < webhook_cap_owner()
		from webhooks w cross join lateral (
			select id, cap, webhook_waiting(id, cap) as n
			from webhooks cross join lateral (select
				webhook_cap(answered_at, everyone)) c (cap)
			where user_id = w.user_id offset 0) o
		where w.id = p_webhook);
end $$;

-- Tell those webhooks of one owner that asked for it. A look that found one
-- full holds for five seconds; that it began is written once an hour. Nobody
-- waits for a row that another is writing that into.
create function event_tell(p_user uuid, p_everyone boolean, p_id uuid,
	p_event text, p_data json)
returns void language plpgsql volatile as $$
begin
	with w as materialized (
		select id, full_until, cap, case when full_until > now()
				then cap else webhook_waiting(id, cap) end as n,
			(everyone or not p_everyone) and (p_event
				= any (events) or '*' = any (events)) as wants
		from webhooks cross join lateral (select
			webhook_cap(answered_at, everyone)) c (cap)
		where user_id = p_user and is_active
	), judged as materialized (
		select id, full_until, n < cap and all_n + row_number()
			over (order by id) <= webhook_cap_owner() as room
		from (select w.*, sum(n) over () as all_n from w) w where wants
	), made as (
		insert into webhook_deliveries (id, webhook_id, event_id,
			event, body)
		select uuid_v7(), id, p_id, p_event,
			event_body(p_id, p_event, p_data)
		from judged where room
	), dropped as (
		insert into webhook_drops as d (webhook_id, stripe)
		select id, pg_backend_pid() % 64 from judged where not room
		order by id
		on conflict (webhook_id, stripe) do update
			set dropped = d.dropped + 1, last_at = now()
	), looked as (
		select h.id, j.full_until from judged j
			join webhooks h on h.id = j.id
		where not j.room and coalesce(j.full_until <= now(), true)
		for no key update of h skip locked
	), said as (
		update webhooks w set full_until = now() + interval '5 seconds'
		from looked l where w.id = l.id
		returning l.full_until
	)
	insert into audit_logs (user_id, action, resource, result, reason)
	select p_user, 'webhook.full', 'webhooks', 'failure',
		'too many deliveries wait'
	from said where coalesce(full_until < now() - interval '1 hour', true)
	limit 1;
end $$;

create or replace function event_add(p_event text, p_owner uuid, p_data json)
returns void language plpgsql volatile as $$
declare
	e uuid;
	staff uuid;
begin
	if not exists (select 1 from webhooks
			where user_id = p_owner and is_active)
		and not exists (select 1 from webhooks
			where everyone and is_active) then
		return;
	end if;
	e := uuid_v7();
	perform event_tell(p_owner, false, e, p_event, p_data);
	for staff in select distinct w.user_id
		from webhooks w join users u on u.id = w.user_id
		where w.everyone and w.is_active and u.is_active
			and w.user_id <> p_owner
			and (p_event = any (w.events) or '*' = any (w.events))
			and user_may(w.user_id, 'users.read')
	loop
		perform event_tell(staff, true, e, p_event, p_data);
	end loop;
end $$;
