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
