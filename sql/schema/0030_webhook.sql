-- Webhooks and what is delivered to them (security rows WH1 to WH13).
--
-- Every rule that changes something writes an audit row in the statement of
-- the change. What the world is promised to hear is told from there: a
-- trigger turns the row into deliveries in the same transaction (row WH11),
-- so that a rule cannot forget it, and nothing is told that did not happen.

create function uuid_v7() returns uuid language sql volatile parallel safe
return encode(set_bit(set_bit(overlay(uuid_send(gen_random_uuid())
	placing substring(int8send((extract(epoch from clock_timestamp())
		* 1000)::bigint) from 3) from 1 for 6), 52, 1), 53, 1),
	'hex')::uuid;

create table webhooks (
	id uuid primary key,
	user_id uuid not null references users on delete cascade,
	url text not null check (octet_length(url) <= 2048),
	-- names of events, or '*'
	events text[] not null,
	-- events of all users, not only of the owner: he held users.read
	everyone boolean not null default false,
	-- sealed to 'webhooks/secret/<id>'; after a rotation both sign for a day
	secret bytea not null,
	previous_secret bytea,
	previous_until timestamptz,
	is_active boolean not null default true,
	disabled_reason text,
	-- what the worker knows of the endpoint: failures in a row, since when,
	-- and until when it is left alone
	failures integer not null default 0,
	failing_since timestamptz,
	paused_until timestamptz,
	created_at timestamptz not null default now(),
	updated_at timestamptz not null default now()
) with (fillfactor = 80);
create index webhooks_user on webhooks (user_id, created_at);
create index webhooks_everyone on webhooks (id) where everyone and is_active;

-- One message to one endpoint. The body is made once: what is signed is what
-- is stored and sent (row WH8). It holds ids, which the audit log holds too,
-- and no secrets: it is not sealed.
--
-- A claim writes the row before the send and what came of it after (row RE4),
-- and both stand in this row: two writes a delivery. A claim changes nothing
-- that an index holds, and pages are filled by half, so that it stays on its
-- page (HOT): what is claimed is skipped where it stands in line.
create table webhook_deliveries (
	id uuid not null,
	webhook_id uuid not null references webhooks on delete cascade,
	-- webhook-id: the same on every try and for every endpoint
	event_id uuid not null,
	event text not null,
	body text not null check (octet_length(body) <= 20480),
	state text not null default 'ready'
		check (state in ('ready', 'done', 'dead')),
	-- claims, of which most were tries, and tries that the endpoint failed
	attempts integer not null default 0,
	failures integer not null default 0,
	run_at timestamptz not null default now(),
	-- the try under way
	lease_token uuid,
	lease_holder uuid,
	lease_until timestamptz,
	started_at timestamptz,
	-- how the last try ended, and the last ten of them:
	-- {n, at, end, status, error, response}, times in µs
	status integer,
	error text,
	tries json[] not null default '{}',
	created_at timestamptz not null default now(),
	finished_at timestamptz,
	primary key (webhook_id, id)
) with (
	fillfactor = 50,
	autovacuum_vacuum_scale_factor = 0.01,
	autovacuum_vacuum_threshold = 500,
	autovacuum_vacuum_cost_delay = 0
);
create index webhook_deliveries_due on webhook_deliveries
	(webhook_id, run_at, id) where state = 'ready';
create index webhook_deliveries_over on webhook_deliveries (finished_at)
	where state <> 'ready';

-- The last ten tries, one more among them.
create function tries_add(p_tries json[], p_try json) returns json[]
language sql immutable
return p_tries[cardinality(p_tries) - 8:] || p_try;

-- A try whose end nobody told: what claimed it died.
create function tries_lost(p_tries json[], p_n integer, p_at timestamptz)
returns json[] language sql stable
return tries_add(p_tries, json_build_object('n', p_n, 'at', to_us(p_at),
	'error', 'the worker died, perhaps before it was sent'));

-- Does a user hold a permission through an active role?
create function user_may(p_user uuid, p_permission text) returns boolean
language sql stable
return exists (
	select 1 from user_roles ur
		join roles r on r.id = ur.role_id and r.is_active
		join role_permissions rp on rp.role_id = r.id
		join permissions p on p.id = rp.permission_id
	where ur.user_id = p_user and p.name = p_permission and p.is_active);

-- A JSON text as JSON.stringify writes it: members in this order, no blanks.
create function event_body(p_id uuid, p_event text, p_data json)
returns text language sql stable
return '{"id":"' || p_id || '","event":' || to_json(p_event)::text
	|| ',"type":' || to_json(p_event)::text || ',"timestamp":"'
	|| to_char(now() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')
	|| '","data":' || json_strip_nulls(p_data)::text || '}';

-- Tell of an event: a delivery for each webhook of the owner that asked for
-- it, and for each of those who may see all users (row WH13).
create function event_add(p_event text, p_owner uuid, p_data json)
returns void language sql volatile as $$
	with e as materialized (
		select uuid_v7() as id
	), w as (
		select w.id from webhooks w
		where w.user_id = p_owner and w.is_active
			and (p_event = any (w.events) or '*' = any (w.events))
		union
		select w.id from webhooks w join users u on u.id = w.user_id
		where w.everyone and w.is_active and u.is_active
			and (p_event = any (w.events) or '*' = any (w.events))
			and user_may(w.user_id, 'users.read')
	)
	insert into webhook_deliveries (id, webhook_id, event_id, event, body)
	select uuid_v7(), w.id, e.id, p_event,
		event_body(e.id, p_event, p_data)
	from w, e
$$;

-- The event that an audit row tells of, or null.
create function event_of(p_action text, p_result text, p_reason text)
returns text language sql immutable
return case
	when p_action like '2fa.%' then
		case when p_action in ('2fa.enabled', '2fa.disabled',
			'2fa.verified', '2fa.failed') then p_action end
	when p_action = 'refresh.reuse' then 'session.revoked'
	when p_result <> 'success' then null
	when p_action = 'auth.logout' and p_reason = 'others'
		then 'session.revoked'
	else case p_action
		when 'auth.login' then 'user.login'
		when 'auth.logout' then 'user.logout'
		when 'auth.register' then 'user.created'
		when 'user.create' then 'user.created'
		when 'user.update' then 'user.updated'
		when 'user.activate' then 'user.updated'
		when 'user.deactivate' then 'user.updated'
		when 'auth.verify_email' then 'user.updated'
		when 'email.change' then 'user.updated'
		when 'user.delete' then 'user.deleted'
		when 'password.change' then 'password.changed'
		when 'password.reset' then 'password.changed'
		when 'session.end' then 'session.revoked'
		when 'apikey.create' then 'apikey.created'
		end
	end;

-- A row about an application's own user names him ('subjects/<id>') and
-- belongs to the owner of the key: he is told, under the name that his
-- application gave.
create function audit_tells() returns trigger language plpgsql as $$
declare
	who text := new.user_id;
begin
	if new.resource like 'subjects/%' then
		select name into who from subjects
		where id = substr(new.resource, 10)::uuid;
	end if;
	perform event_add(event_of(new.action, new.result, new.reason),
		new.user_id, json_build_object('userId', who, 'method',
			case when new.action like '2fa.%' and new.reason in
				('totp', 'sms', 'email', 'backup')
				then new.reason end));
	return null;
end $$;
create trigger audit_tells after insert on audit_logs for each row
	when (new.user_id is not null
		and event_of(new.action, new.result, new.reason) is not null)
	execute function audit_tells();
