-- name: audit_list
-- Newest first. 1 user or null, 2 action or null, 3 result or null, 4 from µs
-- or null, 5 to µs or null, 6 address or null, 7 only below this id or null,
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
		and ($6::text is null or ip_address = $6)
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
			and ($6::text is null or ip_address = $6)
		limit 10000) few
)
select id, to_us(created_at), user_id, actor_id, action, resource, result,
	reason, ip_address, user_agent, request_id, total.n
from total left join page on true order by id desc;

-- name: audit_partitions
-- This month and the twelve after it.
select count(*) from generate_series(0, 12) n
where audit_partition((date_trunc('month', now() at time zone 'UTC')
	+ n * interval '1 month')::date);

-- name: audit_unsealed
-- What waits to be sealed, and the end of the chain. 1 limit
-- safe: yes
with head as (
	select seq, mac from audit_chain order by seq desc limit 1
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
with i as (
	insert into audit_chain (seq, audit_id, mac)
	select $1::bigint + n - 1, id::bigint, decode(mac, 'hex')
	from unnest(string_to_array($2, ','), string_to_array($3, ','))
		with ordinality u (id, mac, n)
), d as (
	delete from audit_pending
	where id = any (string_to_array($2, ',')::bigint[])
	returning 1
)
select count(*) from d;

-- name: audit_verify
-- Links behind a number, in order; no text: the row is gone. 1 number, 2 limit
-- safe: yes
select c.seq, c.audit_id, c.mac, audit_text(a)
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
