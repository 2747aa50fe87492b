-- name: webhook_create
-- 1 id, 2 user id, 3 url, 4 events, 5 sealed secret, 6 webhooks at most, 7 ip,
-- 8 user agent, 9 request id. No row: he has as many as he may. With an id
-- that is there already the answer to the first try was lost (row RE8), and
-- the secret, which nobody saw, is replaced.
with w as (
	insert into webhooks (id, user_id, url, events, everyone, secret)
	select $1::uuid, u.id, $3, string_to_array($4, ','),
		user_may(u.id, 'users.read'), $5::bytea
	from users u
	where u.id = $2::uuid and (select count(*) from webhooks
		where user_id = $2::uuid and id <> $1::uuid) < $6::integer
	on conflict (id) do update set secret = excluded.secret
	returning id, created_at, everyone, xmax = 0 as made
), a as (
	insert into audit_logs (user_id, actor_id, action, resource, result,
		ip_address, user_agent, request_id)
	select $2::uuid, $2::uuid, 'webhook.create', 'webhooks', 'success',
		$7, $8, $9 from w where made
)
select to_us(created_at), everyone from w;

-- name: webhook_list
-- 1 user id, 2 id or null for all, 3 limit, 4 offset
-- safe: yes
select id, url, array_to_string(events, ','), is_active, disabled_reason,
	everyone, failures, to_us(failing_since), to_us(previous_until),
	to_us(created_at), to_us(updated_at), count(*) over ()
from webhooks
where user_id = $1::uuid and ($2::text is null or id::text = $2)
order by created_at desc, id desc limit $3::integer offset $4::integer;

-- name: webhook_update
-- What is null stays. Switched on again, its failures are forgotten; what it
-- reaches is what its owner may see today. 1 user id, 2 id, 3 url, 4 events,
-- 5 active, 6 ip, 7 user agent, 8 request id
with w as (
	update webhooks set url = coalesce($3, url),
		events = coalesce(string_to_array($4, ','), events),
		is_active = coalesce($5::boolean, is_active),
		everyone = user_may(user_id, 'users.read'),
		disabled_reason = case when coalesce($5::boolean, is_active)
			then null else disabled_reason end,
		failures = case when $5::boolean or $3 is not null then 0
			else failures end,
		failing_since = case when $5::boolean or $3 is not null
			then null else failing_since end,
		paused_until = case when $5::boolean or $3 is not null
			then null else paused_until end,
		updated_at = now()
	where user_id = $1::uuid and id::text = $2
	returning id
), a as (
	insert into audit_logs (user_id, actor_id, action, resource, result,
		ip_address, user_agent, request_id)
	select $1::uuid, $1::uuid, 'webhook.update', 'webhooks', 'success',
		$6, $7, $8 from w
)
select id from w;

-- name: webhook_delete
-- 1 user id, 2 id, 3 ip, 4 user agent, 5 request id
with w as (
	delete from webhooks where user_id = $1::uuid and id::text = $2
	returning id
), a as (
	insert into audit_logs (user_id, actor_id, action, resource, result,
		ip_address, user_agent, request_id)
	select $1::uuid, $1::uuid, 'webhook.delete', 'webhooks', 'success',
		$3, $4, $5 from w
)
select id from w;

-- name: webhook_rotate
-- Both secrets sign for the overlap (security row WH7). 1 user id, 2 id,
-- 3 sealed secret, 4 overlap µs, 5 ip, 6 user agent, 7 request id
with w as (
	update webhooks set previous_secret = secret, secret = $3::bytea,
		previous_until = now() + $4::bigint * interval '1 microsecond',
		updated_at = now()
	where user_id = $1::uuid and id::text = $2
	returning id, previous_until
), a as (
	insert into audit_logs (user_id, actor_id, action, resource, result,
		ip_address, user_agent, request_id)
	select $1::uuid, $1::uuid, 'webhook.rotate', 'webhooks', 'success',
		$5, $6, $7 from w
)
select to_us(previous_until) from w;

-- name: webhook_test
-- A delivery to this webhook alone, active or not. 1 user id, 2 id,
-- 3 delivery id, 4 event id
insert into webhook_deliveries (id, webhook_id, event_id, event, body)
select $3::uuid, id, $4::uuid, 'webhook.test', event_body($4::uuid,
	'webhook.test', json_build_object('userId', user_id, 'webhookId', id))
from webhooks where user_id = $1::uuid and id::text = $2
returning body, to_us(created_at);

-- name: webhook_deliveries
-- Newest first, their number exact to ten thousand. 1 user id, 2 webhook id,
-- 3 delivery id or null for all, 4 limit, 5 offset. No row: none, or not his
-- webhook.
-- safe: yes
with w as (
	select id from webhooks where user_id = $1::uuid and id::text = $2
), counted as (
	select count(*) as n from (
		select 1 from webhook_deliveries d, w
		where d.webhook_id = w.id
			and ($3::text is null or d.id::text = $3)
		limit 10001) few
)
select d.id, d.event_id, d.event, d.state, d.body, d.attempts, d.status,
	d.error, to_us(case when d.state = 'ready' then d.run_at end),
	to_us(d.created_at), to_us(d.finished_at), counted.n,
	array_to_json(d.tries), to_us(case when d.lease_token is not null
		then d.started_at end)
from counted, w cross join lateral (
	select * from webhook_deliveries
	where webhook_id = w.id and ($3::text is null or id::text = $3)
	order by id desc limit $4::integer offset $5::integer) d
order by d.id desc;

-- name: webhook_redeliver
-- The same message with the same id, from its first try on.
-- 1 user id, 2 webhook id, 3 delivery id
update webhook_deliveries d set state = 'ready', failures = 0, run_at = now(),
	lease_token = null, lease_holder = null, lease_until = null,
	finished_at = null, error = null
from webhooks w
where w.user_id = $1::uuid and w.id::text = $2 and d.webhook_id = w.id
	and d.id::text = $3
returning d.id;

-- What the worker says. A claim is a try begun: counted and traced (row RE4),
-- leased for $4 µs to holder $5 under the token $6, which the worker made: of
-- a claim whose answer was lost it knows what to give back. At most $1 rows;
-- of the endpoints $2 at most $3 each, of others $7, one where the last try
-- failed, none of those that are left alone. The endpoints with something to
-- do are found by skipping along the index, and taken in any order: one with
-- a million rows is served like one with one (row WH10).
-- It does not wait for the disk: a claim that a crash of Postgres forgets is
-- made again, with the same ids.
-- name: webhook_claim
with recursive hasty as materialized (
	select set_config('synchronous_commit', 'off', true)
), endpoint (id) as (
	(select webhook_id from webhook_deliveries where state = 'ready'
		order by webhook_id limit 1)
	union all
	select (select d.webhook_id from webhook_deliveries d
		where d.state = 'ready' and d.webhook_id > endpoint.id
		order by d.webhook_id limit 1)
	from endpoint where endpoint.id is not null
), open as (
	select w.id, least(coalesce(k.room, $7::integer),
		case when w.failures > 0 and w.is_active then 1 end) as room
	from hasty cross join endpoint join webhooks w on w.id = endpoint.id
		left join unnest($2::uuid[], $3::integer[]) k (id, room)
			on k.id = w.id
	where coalesce(w.paused_until <= now(), true)
		and coalesce(k.room > 0, true)
	order by random()
), due as (
	select d.webhook_id, d.id from open cross join lateral (
		select webhook_id, id from webhook_deliveries
		where webhook_id = open.id and state = 'ready'
			and run_at <= now()
			and (lease_until is null or lease_until <= now())
		order by run_at, id limit open.room for update skip locked) d
	limit $1::integer
), claimed as (
	update webhook_deliveries d set attempts = attempts + 1,
		lease_token = $6::uuid, lease_holder = $5::uuid,
		lease_until = now() + $4::bigint * interval '1 microsecond',
		started_at = now(),
		tries = case when d.lease_token is null then d.tries else
			tries_lost(d.tries, d.attempts, d.started_at) end
	from due where d.webhook_id = due.webhook_id and d.id = due.id
	returning d.id, d.webhook_id, d.event_id, d.event, d.body, d.attempts,
		d.failures
)
select c.id, c.event_id, c.event, c.body, c.attempts, c.failures, w.id,
	w.url, w.secret,
	case when w.previous_until > now() then w.previous_secret end,
	w.failures > 0,
	u.is_active and (c.event = 'webhook.test' or (w.is_active
		and (c.event = any (w.events) or '*' = any (w.events))))
from claimed c join webhooks w on w.id = c.webhook_id
	join users u on u.id = w.user_id;

-- How tries ended, an array for each column, times in µs: 1 webhooks, 2 ids,
-- 3 leases, 4 states, 5 failed, 6 delays, 7 pauses, 8 statuses (0: none), 9
-- errors, 10 tries. Without a try it was not begun and does not count. Only who
-- still holds the lease says so. An endpoint that failed often in a row is left
-- alone for ever longer, one that answers is forgiven. Answers the endpoints
-- that failed for $11 µs.
-- name: webhook_settle
-- safe: yes
with said as (
	select * from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[],
		$5::boolean[], $6::bigint[], $7::bigint[], $8::integer[],
		$9::text[], $10::json[])
		s (webhook, id, lease, state, failed, delay, pause, status,
		error, try)
), d as (
	update webhook_deliveries d set state = s.state,
		run_at = case when s.try is null then d.run_at
			else now() + s.delay * interval '1 microsecond' end,
		attempts = d.attempts - (s.try is null)::integer,
		failures = d.failures + coalesce(s.failed::integer, 0),
		status = case when s.try is null then d.status
			else nullif(s.status, 0) end,
		error = case when s.try is null then d.error else s.error end,
		tries = case when s.try is null then d.tries
			else tries_add(d.tries, s.try) end,
		lease_token = null, lease_holder = null, lease_until = null,
		finished_at = case when s.state <> 'ready' then now() end
	from said s
	where d.webhook_id = s.webhook and d.id = s.id
		and d.lease_token = s.lease and d.state = 'ready'
	returning d.webhook_id, s.failed, s.pause
), e as (
	select webhook_id, bool_and(failed) as failed,
		count(*)::integer as n, max(pause) as pause
	from d where failed is not null group by webhook_id
), w as (
	update webhooks w set
		failures = case when e.failed then w.failures + e.n else 0 end,
		failing_since = case when e.failed
			then coalesce(w.failing_since, now()) end,
		paused_until = case when e.pause > 0 or (e.failed
			and w.failures + e.n >= 5) then now() + greatest(
				e.pause, least(600000000, 5000000
				* 2::bigint ^ least(w.failures + e.n - 5, 10))
				::bigint * (e.failed and w.failures + e.n >= 5)
				::integer) * interval '1 microsecond' end
	from e where w.id = e.webhook_id
		and (e.failed or w.failures > 0 or e.pause > 0)
	returning w.id, w.is_active, w.failing_since
)
select id from w
where is_active
	and failing_since < now() - $11::bigint * interval '1 microsecond';

-- Give back what a worker process claimed that is known to be dead, or, with
-- the token $2, one claim whose answer was lost: whether they arrived is not
-- known, so they are made again with the same id. What is claimed stands at
-- the head of its endpoint's line: $3 rows of each are looked at.
-- 1 holder, 2 token or null
-- name: webhook_release_holder
-- safe: yes
with recursive endpoint (id) as (
	(select webhook_id from webhook_deliveries where state = 'ready'
		order by webhook_id limit 1)
	union all
	select (select d.webhook_id from webhook_deliveries d
		where d.state = 'ready' and d.webhook_id > endpoint.id
		order by d.webhook_id limit 1)
	from endpoint where endpoint.id is not null
), held as (
	select h.webhook_id, h.id from endpoint cross join lateral (
		select webhook_id, id, lease_holder, lease_token
		from webhook_deliveries
		where webhook_id = endpoint.id and state = 'ready'
			and run_at <= now()
		order by run_at, id limit $3::integer) h
	where h.lease_holder = $1::uuid
		and ($2::uuid is null or h.lease_token = $2::uuid)
)
update webhook_deliveries d set run_at = now(), lease_token = null,
	lease_holder = null, lease_until = null,
	tries = tries_lost(tries, attempts, started_at)
from held
where d.webhook_id = held.webhook_id and d.id = held.id
	and d.lease_holder = $1::uuid and d.state = 'ready'
	and ($2::uuid is null or d.lease_token = $2::uuid)
returning 1;

-- name: webhook_owner
-- 1 webhook id
-- safe: yes
select u.email, coalesce(u.full_name, u.first_name, u.username), w.url
from webhooks w join users u on u.id = w.user_id where w.id = $1::uuid;

-- The endpoint is given up and its owner told once. What waits for it becomes
-- a dead letter as it is claimed (row WH10): it may be a million rows, too
-- many for one statement. 1 webhook id, 2 reason, 3 job id, 4 payload
-- name: webhook_disable
with w as (
	update webhooks set is_active = false, disabled_reason = $2,
		paused_until = null, updated_at = now()
	where id = $1::uuid and is_active
	returning id, user_id
), j as (
	insert into jobs (id, kind, payload, priority)
	select $3::uuid, 'mail', $4::bytea, 1 from w
), a as (
	insert into audit_logs (user_id, action, resource, result, reason)
	select user_id, 'webhook.disable', 'webhooks', 'success', $2 from w
)
select id from w;

-- For posternctl: webhooks with something to do, or in trouble.
-- name: ctl_webhook_list
-- safe: yes
select w.id, u.email, w.url, w.is_active, w.failures, to_us(w.failing_since),
	d.pending, d.failed
from webhooks w join users u on u.id = w.user_id
	cross join lateral (
		select count(*) filter (where state = 'ready') as pending,
			count(*) filter (where state = 'dead') as failed
		from webhook_deliveries where webhook_id = w.id) d
where d.pending > 0 or d.failed > 0 or w.failures > 0 or not w.is_active
order by d.pending desc, w.id limit 200;

-- For posternctl: dead letters of a webhook, or of all, from their first try
-- on with the same ids. 1 webhook id or null, 2 events since µs
-- name: ctl_webhook_retry
with d as (
	update webhook_deliveries set state = 'ready', failures = 0,
		run_at = now(), finished_at = null, error = null
	where state = 'dead' and ($1::uuid is null or webhook_id = $1::uuid)
		and created_at >= from_us($2::bigint)
	returning 1
)
select count(*) from d;
