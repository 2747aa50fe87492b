-- name: audit_list
-- Newest first. One row at least: its last cell is the total, exact to ten
-- thousand.
-- int: total
-- null: from, to, behind_id
-- safe: yes
with page as materialized (
	select * from audit_logs
	where -- use: audit_filter()
		and (:behind_id::bigint is null or id < :behind_id::bigint)
	order by id desc limit :limit::integer offset :offset::integer
), total as (
	select count(*) as n from (
		select 1 from audit_logs
		where -- use: audit_filter()
		limit 10000) few
)
select -- use: entry(of => page),
	total.n as total
from total left join page on true order by id desc;

-- name: audit_page
-- The same rows without their total, newest first, for who reads them all.
-- null: from, to, behind_id
-- safe: yes
select -- use: entry(of => audit_logs)
from audit_logs
where -- use: audit_filter()
	and (:behind_id::bigint is null or id < :behind_id::bigint)
order by id desc limit :limit::integer offset :offset::integer;

-- name: audit_partitions
-- This month and the twelve after it.
select count(*) as partitions from generate_series(0, 12) n
where audit_partition((date_trunc('month', now() at time zone 'UTC')
	+ n * interval '1 month')::date);

-- name: audit_unsealed
-- What waits to be sealed, and the end of the chain.
-- int: id, head_seq
-- bytes: head_mac
-- safe: yes
with head as (
	select seq, mac from audit_chain
	union all select base, base_mac from audit_retention where base > 0
	order by seq desc limit 1
)
select a.id, audit_text(a) as text, head.seq as head_seq, head.mac as head_mac
from (select id, created_at from audit_pending
		order by id limit :limit::integer) p
	join audit_logs a on a.id = p.id and a.created_at = p.created_at
	left join head on true
order by a.id;

-- name: audit_seal
-- Of two who seal at once one meets the other's number and tries again. Ids
-- are comma separated, MACs in hexadecimal.
-- int: sealed
select audit_seal(:first::bigint, string_to_array(:ids, ',')::bigint[],
	string_to_array(:macs, ',')) as sealed;

-- name: audit_old
-- Links behind a hand of retention, in order, with the mac before each, the
-- row's text, its mark, the text that is to be left of it, whether it is
-- old enough, whether the hand takes something from it, and where the hand
-- stands.
-- int: seq, at
-- bytes: mac, previous_mac, mark
-- safe: yes
select c.seq, c.mac, coalesce(p.mac, case when c.seq = r.base + 1
		then r.base_mac end) as previous_mac,
	case when a.id is not null then audit_text(a) end as text, c.mark,
	case when :hand = 'addresses'
		then audit_text(audit_shortened(a)) end as shortened,
	a.id is null or a.created_at < now()
		- :kept::bigint * interval '1 microsecond' as is_old,
	a.id is not null and case :hand
		when 'logins' then a.action = 'auth.login'
			and a.result = 'failure'
		when 'addresses' then a.ip_address is distinct from
			address_network(a.ip_address)
		else false end as is_taken,
	h.at
from audit_retention r
	cross join lateral (select case :hand when 'logins' then r.logins
		when 'addresses' then r.addresses else r.base end as at) h
	join audit_chain c on c.seq > greatest(h.at, r.base)
	left join audit_chain p on p.seq = c.seq - 1
	left join audit_logs a on a.id = c.audit_id
order by c.seq limit :limit::integer;

-- name: audit_mark
-- row: audit_moved
-- bool: moved
select audit_mark(:hand, :at::bigint, :to::bigint,
	string_to_array(:seqs, ',')::bigint[],
	string_to_array(:marks, ',')) as moved;

-- name: audit_cut
-- row: audit_moved
-- bool: moved
select audit_cut(:last::bigint, :gone::bigint, :proof) as moved;

-- name: audit_base
-- Where the chain begins.
-- int: base
-- bytes: base_mac, base_proof
-- safe: yes
select base, base_mac, base_proof from audit_retention;

-- name: audit_verify
-- Links behind a number, in order; no text: the row is gone.
-- int: seq, audit_id
-- bytes: mac, mark
-- safe: yes
select c.seq, c.audit_id, c.mac,
	case when a.id is not null then audit_text(a) end as text, c.mark
from audit_chain c left join audit_logs a on a.id = c.audit_id
where c.seq > :seq::bigint order by c.seq limit :limit::integer;

-- name: audit_strays
-- Rows that are neither sealed nor waiting, waiting rows that are gone, and
-- rows that wait for longer than ten minutes.
-- int: unsealed, lost, waiting
-- safe: yes
select (select count(*) from audit_logs a
		where not exists (select 1 from audit_chain
			where audit_id = a.id)
		and not exists (select 1 from audit_pending
			where id = a.id)) as unsealed,
	(select count(*) from audit_pending p
		where not exists (select 1 from audit_logs
			where id = p.id and created_at = p.created_at))
				as lost,
	(select count(*) from audit_pending
		where created_at < now() - interval '10 minutes') as waiting;
