-- Telling costs next to nothing where nobody listens: PL/pgSQL keeps the plans
-- of its statements in the session, a function in SQL is planned at each call
-- (measured for an audit row on a busy machine: 1.5 ms before, 0.07 after).

create or replace function event_add(p_event text, p_owner uuid, p_data json)
returns void language plpgsql volatile as $$
declare
	e uuid;
begin
	if not exists (select 1 from webhooks
			where user_id = p_owner and is_active)
		and not exists (select 1 from webhooks
			where everyone and is_active) then
		return;
	end if;
	e := uuid_v7();
	insert into webhook_deliveries (id, webhook_id, event_id, event, body)
	select uuid_v7(), w.id, e, p_event, event_body(e, p_event, p_data)
	from webhooks w
	where w.user_id = p_owner and w.is_active
		and (p_event = any (w.events) or '*' = any (w.events));
	insert into webhook_deliveries (id, webhook_id, event_id, event, body)
	select uuid_v7(), w.id, e, p_event, event_body(e, p_event, p_data)
	from webhooks w join users u on u.id = w.user_id
	where w.everyone and w.is_active and u.is_active
		and w.user_id <> p_owner
		and (p_event = any (w.events) or '*' = any (w.events))
		and user_may(w.user_id, 'users.read');
end $$;
