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
-- 1 key, 2 request hash, 3 life µs, 4 id of what is to be made, 5 hash of the
-- bytes, which is what a program one version older kept. A row whose
-- owner died is taken over after a minute, one of a failure of ours at once;
-- both keep their id. No row: somebody has it.
insert into idempotency as i (key, request, makes, expires_at)
values ($1::bytea, $2::bytea, $4::uuid,
	now() + $3::bigint * interval '1 microsecond')
on conflict (key) do update set request = excluded.request, status = null,
	answer = null, created_at = now(), expires_at = excluded.expires_at,
	makes = case when i.expires_at <= now() then excluded.makes
		else i.makes end
where i.expires_at <= now()
	or (i.status is null and i.created_at < now() - interval '1 minute'
		and i.request in (excluded.request, $5::bytea))
returning makes;

-- name: idempotency_find
-- 1 key
-- safe: yes
select request, status, answer from idempotency where key = $1::bytea;

-- name: idempotency_finish
-- 1 key, 2 status, 3 sealed answer
update idempotency set status = $2::integer, answer = $3::bytea
where key = $1::bytea;

-- name: idempotency_leave
-- The request failed on our side: it may come again at once. 1 key
update idempotency set created_at = '-infinity'
where key = $1::bytea and status is null;
