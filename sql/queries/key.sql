-- name: role_load
-- Every role with its permissions, and the version of the whole.
-- int: version
-- safe: yes
select r.name,
	coalesce(string_agg(p.name, ',' order by p.name), '') as permissions,
	(select version from role_version) as version
from roles r
	left join role_permissions rp on rp.role_id = r.id
	left join permissions p on p.id = rp.permission_id and p.is_active
where r.is_active
group by r.id, r.name;

-- name: signing_key_load
-- Keys that sign or still verify, newest signing key first.
-- bytes: secret
-- safe: yes
select kid, algorithm, secret, to_us(signs_from) as signs_from,
	to_us(verifies_until) as verifies_until
from signing_keys
where verifies_until is null or verifies_until > now()
order by signs_from desc, kid limit 14;

-- name: idempotency_begin
-- A row whose owner died is taken over after a minute, one of a failure of
-- ours at once; both keep their id. No row: somebody has it. :makes is the
-- id of what is to be made, :body the hash of the bytes, which is what a
-- program one version older kept.
insert into idempotency as i (key, request, makes, expires_at)
values (:key::bytea, :request::bytea, :makes::uuid,
	now() + :life::bigint * interval '1 microsecond')
on conflict (key) do update set request = excluded.request, status = null,
	answer = null, created_at = now(), expires_at = excluded.expires_at,
	makes = case when i.expires_at <= now() then excluded.makes
		else i.makes end
where i.expires_at <= now()
	or (i.status is null and i.created_at < now() - interval '1 minute'
		and i.request in (excluded.request, :body::bytea))
returning makes;

-- name: idempotency_find
-- int: status
-- bytes: request, answer
-- safe: yes
select request, status, answer from idempotency where key = :key::bytea;

-- name: idempotency_finish
update idempotency set status = :status::integer, answer = :answer::bytea
where key = :key::bytea;

-- name: idempotency_leave
-- The request failed on our side: it may come again at once.
update idempotency set created_at = '-infinity'
where key = :key::bytea and status is null;
