-- name: role_load
-- Every role with its permissions, and the version of the whole.
-- safe: yes
select r.name, coalesce(string_agg(p.name, ',' order by p.name), ''),
	(select version from role_version)
from roles r
	left join role_permissions rp on rp.role_id = r.id
	left join permissions p on p.id = rp.permission_id and p.is_active
where r.is_active
group by r.id, r.name;

-- name: signing_key_load
-- Keys that sign or still verify, newest signing key first.
-- safe: yes
select kid, algorithm, secret, to_us(signs_from), to_us(verifies_until)
from signing_keys
where verifies_until is null or verifies_until > now()
order by signs_from desc, kid limit 14;

-- name: idempotency_begin
-- 1 key, 2 request hash, 3 life µs. A row whose owner died is taken over
-- after a minute. No row: somebody has it.
insert into idempotency as i (key, request, expires_at)
values ($1::bytea, $2::bytea,
	now() + $3::bigint * interval '1 microsecond')
on conflict (key) do update set request = excluded.request, status = null,
	answer = null, created_at = now(), expires_at = excluded.expires_at
where i.expires_at <= now()
	or (i.status is null and i.created_at < now() - interval '1 minute'
		and i.request = excluded.request)
returning 1;

-- name: idempotency_find
-- 1 key
-- safe: yes
select request, status, answer from idempotency where key = $1::bytea;

-- name: idempotency_finish
-- 1 key, 2 status, 3 sealed answer
update idempotency set status = $2::integer, answer = $3::bytea
where key = $1::bytea;

-- name: idempotency_drop
-- The request failed on our side: it may come again. 1 key
delete from idempotency where key = $1::bytea and status is null;
