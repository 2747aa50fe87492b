-- The audit log by months, chained (security rows LO2 to LO5). A row is
-- written by the statement of what it tells of; the worker seals it into the
-- chain a moment later, so that no two changes wait for each other.

alter table audit_logs rename to audit_logs_before;
alter index audit_logs_pkey rename to audit_logs_before_pkey;
drop index audit_logs_user, audit_logs_time;

create table audit_logs (
	id bigint generated always as identity,
	created_at timestamptz not null default now(),
	user_id uuid,
	actor_id uuid,
	action text not null,
	resource text not null,
	result text not null check (result in ('success', 'failure')),
	reason text,
	ip_address text,
	user_agent text,
	request_id text,
	primary key (id, created_at)
) partition by range (created_at);
create index audit_logs_user on audit_logs (user_id, id desc);
create index audit_logs_time on audit_logs (created_at);
create index audit_logs_action on audit_logs (action, id desc);
comment on table audit_logs is
	'append-only: written with what it tells of, never changed';
-- What no month takes; a month is made long before it begins.
create table audit_logs_rest partition of audit_logs default;
comment on table audit_logs_rest is 'append-only: rows outside all months';

-- Make the partition of a month, UTC. What came for it while it was missing
-- stands in audit_logs_rest and moves. The web and queue processes may call
-- it: they own no table (security row CF6).
create function audit_partition(p_month date) returns boolean
language plpgsql security definer as $$
declare
	t text := 'audit_logs_' || to_char(p_month, 'YYYYMM');
	first text := to_char(p_month, 'YYYY-MM-01') || ' 00:00:00+00';
	next text := to_char(p_month + interval '1 month', 'YYYY-MM-01')
		|| ' 00:00:00+00';
begin
	if to_regclass(t) is not null
			or p_month > now() + interval '14 months' then
		return false;
	end if;
	execute format('create table %I (like audit_logs
		including defaults including constraints)', t);
	lock table audit_logs_rest in access exclusive mode;
	execute format('with moved as (delete from audit_logs_rest
			where created_at >= %L and created_at < %L
			returning *)
		insert into %I select * from moved', first, next, t);
	execute format('alter table audit_logs attach partition %I
		for values from (%L) to (%L)', t, first, next);
	execute format('comment on table %I is %L', t,
		'append-only: a month of audit_logs');
	return true;
end $$;
do $$
begin
	execute format('alter function audit_partition(date)
		set search_path = %I, pg_temp', current_schema());
	perform audit_partition(m::date) from generate_series(
		date_trunc('month', coalesce((select min(created_at)
			from audit_logs_before), now()) at time zone 'UTC'),
		now() at time zone 'UTC' + interval '12 months',
		interval '1 month') m;
end $$;

insert into audit_logs overriding system value
select * from audit_logs_before;
select setval(pg_get_serial_sequence('audit_logs', 'id'),
	greatest((select max(id) from audit_logs_before), 1),
	exists (select 1 from audit_logs_before));
drop table audit_logs_before;

-- What is not in the chain yet.
create table audit_pending (
	id bigint primary key,
	created_at timestamptz not null
) with (autovacuum_vacuum_scale_factor = 0.02);
insert into audit_pending select id, created_at from audit_logs;

-- mac: version of the key, then HMAC-SHA-256 over the mac before, the number
-- and the row.
create table audit_chain (
	seq bigint primary key,
	audit_id bigint not null unique,
	sealed_at timestamptz not null default now(),
	mac bytea not null
);
comment on table audit_chain is 'append-only: what was sealed stays';

-- The row as it is sealed.
create function audit_text(a audit_logs) returns text
language sql stable as $$
	select jsonb_build_array((a).id, to_us((a).created_at), (a).user_id,
		(a).actor_id, (a).action, (a).resource, (a).result,
		(a).reason, (a).ip_address, (a).user_agent,
		(a).request_id)::text
$$;

-- Webhooks hear of what happens whether it is written down or not.
create function audit_event(p_user uuid, p_action text, p_resource text,
	p_result text, p_reason text) returns void language plpgsql as $$
declare
	who text := p_user;
begin
	if p_user is null or event_of(p_action, p_result, p_reason) is null then
		return;
	end if;
	if p_resource like 'subjects/%' then
		select name into who from subjects
		where id = substr(p_resource, 10)::uuid;
	end if;
	perform event_add(event_of(p_action, p_result, p_reason), p_user,
		json_build_object('userId', who, 'method',
			case when p_action like '2fa.%' and p_reason in
				('totp', 'sms', 'email', 'backup')
				then p_reason end));
end $$;
drop function audit_tells() cascade;

-- audit.enabled false arrives as a parameter of the connection: nothing is
-- written then, whoever writes.
create function audit_row() returns trigger language plpgsql as $$
begin
	perform audit_event(new.user_id, new.action, new.resource, new.result,
		new.reason);
	if current_setting('postern.audit', true) = 'off' then
		return null;
	end if;
	insert into audit_pending values (new.id, new.created_at);
	return new;
end $$;
create trigger audit_row before insert on audit_logs for each row
	execute function audit_row();
