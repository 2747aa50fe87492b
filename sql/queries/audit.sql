-- name: audit_list
-- Newest first. 1 user or null, 2 action or null, 3 result or null, 4 from µs
-- or null, 5 to µs or null, 6 address or network, 7 only below this id or null,
-- 8 limit, 9 offset. One row at least: its last cell is the total, exact to
-- ten thousand.
-- safe: yes
with page as materialized (
	select * from audit_logs
	where ($1::uuid is null or user_id = $1::uuid)
		and ($2::text is null or action = $2)
		and ($3::text is null or result = $3)
		and ($4::bigint is null or created_at >= from_us($4::bigint))
		and ($5::bigint is null or created_at <= from_us($5::bigint))
		and ($6::text is null or ip_address = $6
			or position('/' in $6) > 0
			and address_in(ip_address, $6))
		and ($7::bigint is null or id < $7::bigint)
	order by id desc limit $8::integer offset $9::integer
), total as (
	select count(*) as n from (
		select 1 from audit_logs
		where ($1::uuid is null or user_id = $1::uuid)
			and ($2::text is null or action = $2)
			and ($3::text is null or result = $3)
			and ($4::bigint is null
				or created_at >= from_us($4::bigint))
			and ($5::bigint is null
				or created_at <= from_us($5::bigint))
			and ($6::text is null or ip_address = $6
				or position('/' in $6) > 0
				and address_in(ip_address, $6))
		limit 10000) few
)
select id, to_us(created_at), user_id, actor_id, action, resource, result,
	reason, ip_address, user_agent, request_id, total.n
from total left join page on true order by id desc;

-- name: audit_page
-- The same rows without their total, newest first, for who reads them all.
-- 1 user or null, 2 action or null, 3 result or null, 4 from µs or null, 5 to
-- µs or null, 6 address or network, 7 only below this id or null, 8 limit,
-- 9 offset
-- safe: yes
select id, to_us(created_at), user_id, actor_id, action, resource, result,
	reason, ip_address, user_agent, request_id
from audit_logs
where ($1::uuid is null or user_id = $1::uuid)
	and ($2::text is null or action = $2)
	and ($3::text is null or result = $3)
	and ($4::bigint is null or created_at >= from_us($4::bigint))
	and ($5::bigint is null or created_at <= from_us($5::bigint))
	and ($6::text is null or ip_address = $6
		or position('/' in $6) > 0 and address_in(ip_address, $6))
	and ($7::bigint is null or id < $7::bigint)
order by id desc limit $8::integer offset $9::integer;

-- name: audit_partitions
-- This month and the twelve after it.
select count(*) from generate_series(0, 12) n
where audit_partition((date_trunc('month', now() at time zone 'UTC')
	+ n * interval '1 month')::date);

-- name: audit_unsealed
-- What waits to be sealed, and the end of the chain. 1 limit
-- safe: yes
with head as (
	select seq, mac from audit_chain
	union all select base, base_mac from audit_retention where base > 0
	order by seq desc limit 1
)
select a.id, audit_text(a), head.seq, head.mac
from (select id, created_at from audit_pending
		order by id limit $1::integer) p
	join audit_logs a on a.id = p.id and a.created_at = p.created_at
	left join head on true
order by a.id;

-- name: audit_seal
-- Of two who seal at once one meets the other's number and tries again.
-- 1 first number, 2 ids, 3 macs in hex, comma separated
select audit_seal($1::bigint, string_to_array($2, ',')::bigint[],
	string_to_array($3, ','));

-- name: audit_old
-- Links behind a hand of retention, in order, with the mac before each, the
-- row's text, its mark, the text that is to be left of it, whether it is old
-- enough, whether the hand takes something from it, and where the hand stands.
-- 1 hand (logins, addresses, rows), 2 µs that are kept, 3 limit
-- safe: yes
select c.seq, c.mac, coalesce(p.mac, case when c.seq = r.base + 1
		then r.base_mac end),
	case when a.id is not null then audit_text(a) end, c.mark,
	case when $1 = 'addresses' then audit_text(audit_shortened(a)) end,
	a.id is null or a.created_at < now()
		- $2::bigint * interval '1 microsecond',
	a.id is not null and case $1
		when 'logins' then a.action = 'auth.login'
			and a.result = 'failure'
		when 'addresses' then a.ip_address is distinct from
			address_network(a.ip_address)
		else false end,
	h.at
from audit_retention r
	cross join lateral (select case $1 when 'logins' then r.logins
		when 'addresses' then r.addresses else r.base end as at) h
	join audit_chain c on c.seq > greatest(h.at, r.base)
	left join audit_chain p on p.seq = c.seq - 1
	left join audit_logs a on a.id = c.audit_id
order by c.seq limit $3::integer;

-- name: audit_mark
-- 1 hand, 2 where it stood, 3 where it stands now, 4 numbers, 5 marks in hex,
-- comma separated
select audit_mark($1, $2::bigint, $3::bigint,
	string_to_array($4, ',')::bigint[], string_to_array($5, ','));

-- name: audit_cut
-- 1 last link that is gone, 2 the one that goes, 3 proof in hex
select audit_cut($1::bigint, $2::bigint, $3);

-- name: audit_base
-- Where the chain begins.
-- int: base
-- bytes: base_mac, base_proof
-- safe: yes
select base, base_mac, base_proof from audit_retention;

-- name: audit_verify
-- Links behind a number, in order; no text: the row is gone. 1 number, 2 limit
-- safe: yes
select c.seq, c.audit_id, c.mac,
	case when a.id is not null then audit_text(a) end, c.mark
from audit_chain c left join audit_logs a on a.id = c.audit_id
where c.seq > $1::bigint order by c.seq limit $2::integer;

-- name: audit_strays
-- Rows that are neither sealed nor waiting, waiting rows that are gone, and
-- rows that wait for longer than ten minutes.
-- safe: yes
select (select count(*) from audit_logs a
		where not exists (select 1 from audit_chain
			where audit_id = a.id)
		and not exists (select 1 from audit_pending
			where id = a.id)),
	(select count(*) from audit_pending p
		where not exists (select 1 from audit_logs
			where id = p.id and created_at = p.created_at)),
	(select count(*) from audit_pending
		where created_at < now() - interval '10 minutes');
