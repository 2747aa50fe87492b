-- Codes on their way: any of the last three that were sent for one thing
-- counts, once. Budgets of what is sent are charged together or not at all.

-- Charge buckets in this order. The first that refuses is told by its number
-- (0: none), and what was charged before it is given back.
create function charge_all(p_buckets text[], p_limits integer[],
	p_windows bigint[], out refused integer, out retry_us bigint)
language plpgsql volatile as $$
declare
	passed boolean;
begin
	refused := 0;
	for i in 1 .. cardinality(p_buckets) loop
		select c.allowed, c.retry_us into passed, retry_us
		from charge(p_buckets[i], p_limits[i], p_windows[i], 0) c;
		if not passed then
			refused := i;
			update attempts set count = count - 1
			where bucket = any (p_buckets[1:i - 1]) and count > 0;
			return;
		end if;
	end loop;
end $$;

-- As in 0010, but that the factor is locked before its codes, as by who
-- charges a try, and that with a code that counted the others end.
create or replace function factor_use(p_subject uuid, p_kind text, p_id uuid,
	p_step bigint, p_code uuid, p_set uuid, p_prefix text)
returns boolean language plpgsql volatile as $$
declare
	n integer := 0;
begin
	perform 1 from factors where subject_id = p_subject
	order by kind for update;
	if p_step is not null then
		update factors set last_step = p_step
		where subject_id = p_subject and kind = p_kind and id = p_id
			and enabled_at is not null and last_step < p_step;
		get diagnostics n = row_count;
	elsif p_code is not null then
		update factor_codes set used_at = now()
		where id = p_code and subject_id = p_subject
			and used_at is null and voided_at is null
			and expires_at > now();
		get diagnostics n = row_count;
		update factor_codes t set voided_at = now()
		from factor_codes o
		where n > 0 and o.id = p_code and t.subject_id = p_subject
			and t.kind = o.kind and t.bound = o.bound
			and t.used_at is null and t.voided_at is null;
	elsif p_set is not null then
		update backup_codes set used_at = now()
		where set_id = p_set and prefix = p_prefix
			and used_at is null and exists (
				select from subjects s where s.id = p_subject
					and s.codes_id = p_set);
		get diagnostics n = row_count;
	end if;
	if n = 0 then
		return false;
	end if;
	update factors set failures = 0, last_used_at =
		case when kind = p_kind then now() else last_used_at end
	where subject_id = p_subject;
	update subjects set codes_failures = 0 where id = p_subject;
	return true;
end $$;
