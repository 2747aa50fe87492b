-- The audit log: what the programs may do with it, and how long it is kept.

-- The programs add to it and no more (security row CF6). What takes something
-- away is a function of the owner, which looks at what it is asked.
comment on table audit_pending is
	'append-only: what is not in the chain yet; audit_seal takes it out';

-- Rows become links of the chain. Nothing leaves audit_pending otherwise.
create or replace function audit_seal(p_first bigint, p_ids bigint[],
	p_macs text[]) returns bigint
language plpgsql security definer as $$
declare
	n bigint;
begin
	insert into audit_chain (seq, audit_id, mac)
	select p_first + u.n - 1, id, decode(mac, 'hex')
	from unnest(p_ids, p_macs) with ordinality u (id, mac, n);
	delete from audit_pending where id = any (p_ids);
	get diagnostics n = row_count;
	return n;
end $$;

-- As before, but of months that may come, and of the last one.
create or replace function audit_partition(p_month date) returns boolean
language plpgsql security definer as $$
declare
	t text := 'audit_logs_' || to_char(p_month, 'YYYYMM');
	first text := to_char(p_month, 'YYYY-MM-01') || ' 00:00:00+00';
	next text := to_char(p_month + interval '1 month', 'YYYY-MM-01')
		|| ' 00:00:00+00';
begin
	if p_month is null or p_month > now() + interval '14 months'
			or p_month < date_trunc('month', now()
				- interval '1 month')::date
			or to_regclass(t) is not null then
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

-- How long it is kept. Three hands walk along the chain: failed logins go,
-- addresses are shortened, then row and link go. A mark is a MAC of what was
-- left of a row; the chain holds where its text or its mark does. base is the
-- last link that is gone: its mac begins the chain, its proof is a MAC of that.
alter table audit_chain add column if not exists mark bytea;
create table if not exists audit_retention (
	one boolean primary key default true check (one),
	logins bigint not null default 0,
	addresses bigint not null default 0,
	base bigint not null default 0,
	base_mac bytea,
	base_proof bytea
);
comment on table audit_retention is
	'append-only: how far the chain was gone over for what is old';
insert into audit_retention default values on conflict do nothing;

-- The network of an address: 24 bits of IPv4, 48 of IPv6. What is no address is
-- nothing.
create or replace function address_network(t text) returns text
language plpgsql immutable parallel safe as $$
begin
	return case when position('/' in t) > 0 then t else
		network(set_masklen(t::inet, case family(t::inet)
			when 4 then 24 else 48 end))::text end;
exception when others then
	return null;
end $$;

create or replace function address_in(t text, p_network text)
returns boolean language plpgsql immutable parallel safe as $$
begin
	return t::inet <<= p_network::inet;
exception when others then
	return false;
end $$;

create or replace function audit_shortened(a audit_logs)
returns audit_logs language sql immutable as $$
	select jsonb_populate_record(a, jsonb_build_object('ip_address',
		address_network((a).ip_address)))
$$;

-- Take away what a hand takes from these links, and write its marks. Not of the
-- last seven days, whoever asks. False: another worker was faster.
create or replace function audit_mark(p_hand text, p_from bigint,
	p_upto bigint, p_seqs bigint[], p_marks text[]) returns boolean
language plpgsql security definer as $$
begin
	perform from audit_retention where p_from = case p_hand
		when 'logins' then logins when 'addresses' then addresses end
	for update;
	if not found or p_upto < p_from then
		return false;
	end if;
	with due as (
		select c.seq, c.audit_id, m.mark
		from unnest(p_seqs, p_marks) m (seq, mark)
			join audit_chain c on c.seq = m.seq
			join audit_logs a on a.id = c.audit_id
		where a.created_at < now() - interval '7 days'
			and m.seq > p_from and m.seq <= p_upto
			and (p_hand = 'addresses' or (a.action = 'auth.login'
				and a.result = 'failure'))
	), marked as (
		update audit_chain c set mark = decode(due.mark, 'hex')
		from due where c.seq = due.seq
	), gone as (
		delete from audit_logs a using due
		where p_hand = 'logins' and a.id = due.audit_id
	), shortened as (
		update audit_logs a set ip_address = address_network(ip_address)
		from due where p_hand = 'addresses' and a.id = due.audit_id
	)
	update audit_retention set
		logins = case p_hand when 'logins' then p_upto
			else logins end,
		addresses = case p_hand when 'addresses' then p_upto
			else addresses end;
	return true;
end $$;

-- Row and link go, up to this link. Not of the last thirty days.
create or replace function audit_cut(p_from bigint, p_upto bigint,
	p_proof text) returns boolean
language plpgsql security definer as $$
declare
	last bytea;
begin
	perform from audit_retention where base = p_from for update;
	if not found then
		return false;
	end if;
	select mac into last from audit_chain
	where seq = p_upto and seq > p_from;
	if last is null or exists (
			select from audit_chain c
				join audit_logs a on a.id = c.audit_id
			where c.seq > p_from and c.seq <= p_upto
				and a.created_at >= now() - interval '30 days')
			then
		return false;
	end if;
	with gone as (
		delete from audit_chain where seq <= p_upto returning audit_id
	)
	delete from audit_logs a using gone where a.id = gone.audit_id;
	update audit_retention set base = p_upto, base_mac = last,
		base_proof = decode(p_proof, 'hex');
	return true;
end $$;

do $home$
declare
	f regprocedure;
begin
	foreach f in array array[
		'audit_seal(bigint, bigint[], text[])'::regprocedure,
		'audit_partition(date)',
		'audit_mark(text, bigint, bigint, bigint[], text[])',
		'audit_cut(bigint, bigint, text)']
	loop
		execute format('alter function %s set search_path = %I,
			pg_temp', f, current_schema());
		execute format('revoke all on function %s from public', f);
	end loop;
end
$home$;
