-- What the programs write into the audit log is of its moment and has a number
-- of its own: an old row beside a young one of the same number let audit_mark
-- take both, and one of a time that never comes stopped the hands of retention,
-- or with 'infinity' the sealing.

-- Written by functions of the owner only.
comment on table audit_chain is 'read-only: what was sealed stays';
comment on table audit_retention is
	'read-only: how far the chain was gone over for what is old';

-- As before, but only behind the end of the chain.
create or replace function audit_seal(p_first bigint, p_ids bigint[],
	p_macs text[]) returns bigint
language plpgsql security definer as $$
declare
	n bigint;
begin
	if p_first is distinct from 1 + coalesce(
			(select max(seq) from audit_chain),
			(select base from audit_retention)) then
		raise unique_violation using
			message = 'the chain does not end before this link';
	end if;
	insert into audit_chain (seq, audit_id, mac)
	select p_first + u.n - 1, id, decode(mac, 'hex')
	from unnest(p_ids, p_macs) with ordinality u (id, mac, n);
	delete from audit_pending where id = any (p_ids);
	get diagnostics n = row_count;
	return n;
end $$;

-- As before, but a hand goes no further than the chain.
create or replace function audit_mark(p_hand text, p_from bigint,
	p_upto bigint, p_seqs bigint[], p_marks text[]) returns boolean
language plpgsql security definer as $$
begin
	perform from audit_retention where p_from = case p_hand
		when 'logins' then logins when 'addresses' then addresses end
	for update;
	if not found or p_upto < p_from or not exists (
			select from audit_chain where seq = p_upto) then
		return false;
	end if;
	with due as (
		select c.seq, c.audit_id, a.created_at, m.mark
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
			and a.created_at = due.created_at
	), shortened as (
		update audit_logs a set ip_address = address_network(ip_address)
		from due where p_hand = 'addresses' and a.id = due.audit_id
			and a.created_at = due.created_at
	)
	update audit_retention set
		logins = case p_hand when 'logins' then p_upto
			else logins end,
		addresses = case p_hand when 'addresses' then p_upto
			else addresses end;
	return true;
end $$;

do $home$
declare
	f regprocedure;
begin
	foreach f in array array[
		'audit_seal(bigint, bigint[], text[])'::regprocedure,
		'audit_mark(text, bigint, bigint, bigint[], text[])']
	loop
		execute format('alter function %s set search_path = %I,
			pg_temp', f, current_schema());
	end loop;
end
$home$;
