-- name: webhook_create
-- 1 id, 2 user id, 3 url, 4 events, 5 sealed secret, 6 webhooks at most, 7 ip,
-- 8 user agent, 9 request id, 10 of the owner's own events only, for good. No
-- row: he has as many as he may. With an id
-- that is there already the answer to the first try was lost (row RE8), and
-- the secret, which nobody saw, is replaced.
with w as (
	insert into webhooks (id, user_id, url, events, everyone, own_only,
		secret)
	select $1::uuid, u.id, $3, string_to_array($4, ','),
		user_may(u.id, 'users.read') and not $10::boolean,
		$10::boolean, $5::bytea
	from users u
	where u.id = $2::uuid
		and webhooks_beside(u.id, $1::uuid) < $6::integer
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
-- 1 user id, 2 id or null for all, 3 limit, 4 offset, 5 without those that
-- hear of everybody
-- safe: yes
select id, url, array_to_string(events, ','), is_active, disabled_reason,
	everyone, failures, to_us(failing_since), to_us(previous_until),
	to_us(created_at), to_us(updated_at), count(*) over (),
	to_us(answered_at), to_us(confirmed_at),
	coalesce(full_until > now(), false), webhook_waiting(id, 1000),
	coalesce(dropped, 0), to_us(last_dropped)
from webhooks left join lateral (
	select sum(dropped) as dropped, max(last_at) as last_dropped
	from webhook_drops where webhook_id = webhooks.id) d on true
where user_id = $1::uuid and ($2::text is null or id::text = $2)
	and not ($5::boolean and everyone)
order by created_at desc, id desc limit $3::integer offset $4::integer;

-- name: webhook_update
-- What is null stays. Switched on again, its failures are forgotten; with
-- another URL what the endpoint proved is, too; what it reaches is what its
-- owner may see today. 1 user id, 2 id, 3 url, 4 events,
-- 5 active, 6 ip, 7 user agent, 8 request id, 9 of the owner's own events
-- only, for good
with w as (
	update webhooks set url = coalesce($3, url),
		events = coalesce(string_to_array($4, ','), events),
		is_active = coalesce($5::boolean, is_active),
		everyone = user_may(user_id, 'users.read')
			and not (own_only or $9::boolean),
		own_only = own_only or $9::boolean,
		disabled_reason = case when coalesce($5::boolean, is_active)
			then null else disabled_reason end,
		failures = case when $5::boolean or $3 is not null then 0
			else failures end,
		failing_since = case when $5::boolean or $3 is not null
			then null else failing_since end,
		paused_until = case when $5::boolean or $3 is not null
			then null else paused_until end,
		answered_at = case when $3 is null or $3 = url
			then answered_at end,
		confirmed_at = case when $3 is null or $3 = url
			then confirmed_at end,
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
-- 3 delivery id, 4 event id. A body of null: too many wait.
with w as (
	select id, user_id from webhooks
	where user_id = $1::uuid and id::text = $2
), d as (
	insert into webhook_deliveries (id, webhook_id, event_id, event, body)
	select $3::uuid, id, $4::uuid, 'webhook.test', event_body($4::uuid,
		'webhook.test', json_build_object('userId', user_id,
			'webhookId', id))
	from w where webhook_has_room(id)
	returning body, created_at
)
select d.body, to_us(d.created_at) from w left join d on true;

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
), held as (
	select k.id, k.attempts, c.started_at
	from w join webhook_claims c on c.webhook_id = w.id
		cross join lateral unnest(c.ids, c.attempts) k (id, attempts)
)
select d.id, d.event_id, d.event, d.state, d.body,
	d.attempts + (h.id is not null)::integer, d.status, d.error, to_us(case when d.state = 'ready' then d.run_at end),
	to_us(d.created_at), to_us(d.finished_at), counted.n,
	array_to_json(d.tries), to_us(h.started_at)
from counted, w cross join lateral (
	select * from webhook_deliveries
	where webhook_id = w.id and ($3::text is null or id::text = $3)
	order by id desc limit $4::integer offset $5::integer) d
	left join held h on h.id = d.id and h.attempts = d.attempts
		and d.state = 'ready'
order by d.id desc;

-- name: webhook_redeliver
-- The same message with the same id, from its first try on.
-- 1 user id, 2 webhook id, 3 delivery id. An id of null: too many wait.
with there as (
	select d.webhook_id, d.id from webhooks w
		join webhook_deliveries d on d.webhook_id = w.id
	where w.user_id = $1::uuid and w.id::text = $2 and d.id::text = $3
), again as (
	update webhook_deliveries d set state = 'ready', failures = 0,
		run_at = now(), finished_at = null, error = null
	from there t
	where d.webhook_id = t.webhook_id and d.id = t.id
		and (d.state = 'ready' or webhook_has_room(t.webhook_id))
	returning d.id
)
select again.id from there left join again on true;

-- What the worker says. A claim is a try begun, traced before it is sent (row
-- RE4; see schema 0051): at most $1 deliveries; of the endpoints $2 at most $3
-- each, of others $4, one where the last try failed, none of those that are
-- left alone; for $5 µs, by holder $6, under the token $7. Answers how many.
-- name: webhook_claim
select webhook_claim($1::integer, $2::uuid[], $3::integer[], $4::integer,
	$5::bigint * interval '1 microsecond', $6::uuid, $7::uuid);

-- What was claimed under the token $1 and is not finished. Each is looked up by
-- its key, behind a fence (offset 0) and here and below without asking for what
-- is ready: the planner must not read the line of all that is instead, however
-- short it was when it last looked.
-- name: webhook_claimed
-- safe: yes
select d.id, d.event_id, d.event, d.body, d.attempts, d.failures, w.id, w.url,
	w.secret, case when w.previous_until > now() then w.previous_secret end,
	w.failures > 0, u.is_active and (d.event = 'webhook.test'
		or (w.is_active and (d.event = any (w.events)
			or '*' = any (w.events)))), w.confirmed_at is null
from webhook_claims c join webhooks w on w.id = c.webhook_id
	join users u on u.id = w.user_id
	cross join lateral unnest(c.ids, c.attempts) k (id, attempts)
	cross join lateral (select * from webhook_deliveries
		where webhook_id = c.webhook_id and id = k.id offset 0) d
where c.token = $1::uuid and d.attempts = k.attempts
	and d.finished_at is null;

-- How tries ended, an array for each column, times in µs: 1 webhooks, 2 ids,
-- 3 numbers of the tries, 4 states, 5 failed, 6 delays, 7 pauses, 8 statuses
-- (0: none), 9 errors, 10 tries. What somebody else told of meanwhile stays.
-- Claims that ended whole, by tokens $11 and webhooks $12, are over. An
-- endpoint that failed often in a row is left alone for ever longer, one that
-- answers is forgiven. Answers the endpoints that failed for $13 µs. Of those
-- not confirmed, $14 is the URL the try went to and $15 whether the challenge
-- came back: what one URL proves says nothing of the next.
-- name: webhook_settle
-- safe: yes
with said as (
	select * from unnest($1::uuid[], $2::uuid[], $3::integer[],
		$4::text[], $5::boolean[], $6::bigint[], $7::bigint[],
		$8::integer[], $9::text[], $10::json[], $14::text[],
		$15::boolean[])
		s (webhook, id, number, state, failed, delay, pause, status,
		error, try, url, echoed)
), d as (
	update webhook_deliveries d set state = s.state,
		run_at = now() + s.delay * interval '1 microsecond',
		attempts = s.number,
		failures = d.failures + coalesce(s.failed::integer, 0),
		status = nullif(s.status, 0), error = s.error,
		tries = tries_add(d.tries, s.try),
		finished_at = case when s.state <> 'ready' then now() end
	from said s
	where d.webhook_id = s.webhook and d.id = s.id
		and d.attempts = s.number - 1 and d.finished_at is null
	returning d.webhook_id, s.failed, s.pause, s.url, s.echoed
), over as (
	delete from webhook_claims c
	using unnest($11::uuid[], $12::uuid[]) o (token, webhook)
	where c.token = o.token and c.webhook_id = o.webhook
), e as (
	select webhook_id, bool_and(failed) as failed,
		count(*)::integer as n, max(pause) as pause,
		max(url) filter (where not failed) as answered,
		max(url) filter (where not failed and echoed) as echoed
	from d where failed is not null group by webhook_id
), w as (
	update webhooks w set
		failures = case when e.failed then w.failures + e.n else 0 end,
		failing_since = case when e.failed
			then coalesce(w.failing_since, now()) end,
		paused_until = case when e.pause > 0 or (e.failed
			and (w.failures + e.n >= 5 or w.answered_at is null))
			then now() + greatest(e.pause, 10000000
				* (e.failed and w.answered_at is null)::integer,
				least(600000000, 5000000
				* 2::bigint ^ least(w.failures + e.n - 5, 10))
				::bigint * (e.failed and w.failures + e.n >= 5)
				::integer) * interval '1 microsecond' end,
		answered_at = coalesce(w.answered_at,
			case when w.url = e.answered then now() end),
		confirmed_at = coalesce(w.confirmed_at,
			case when w.url = e.echoed then now() end)
	from e where w.id = e.webhook_id
		and (e.failed or w.failures > 0 or e.pause > 0
			or (w.answered_at is null and w.url = e.answered)
			or (w.confirmed_at is null and w.url = e.echoed))
	returning w.id, w.is_active, w.failing_since
)
select id from w
where is_active
	and failing_since < now() - $13::bigint * interval '1 microsecond';

-- Give back what a worker process claimed that is known to be dead, or one
-- claim whose answer was lost. 1 holder, 2 token or null
-- name: webhook_release
-- safe: yes
select webhook_release($1::uuid, $2::uuid);

-- name: webhook_owner
-- 1 webhook id
-- safe: yes
select u.email, case when u.verified_at is not null
		then coalesce(u.full_name, u.first_name, u.username) end,
	case when u.verified_at is not null then w.url end
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

-- For posternctl: webhooks with something to do, or in trouble. 1 address of
-- their owner, or null for all
-- name: ctl_webhook_list
-- safe: yes
select w.id, u.email, w.url, w.is_active, w.failures, to_us(w.failing_since),
	d.pending, d.failed, o.dropped
from webhooks w join users u on u.id = w.user_id
	cross join lateral (
		select count(*) filter (where state = 'ready') as pending,
			count(*) filter (where state = 'dead') as failed
		from webhook_deliveries where webhook_id = w.id) d
	cross join lateral (
		select coalesce(sum(dropped), 0) as dropped
		from webhook_drops where webhook_id = w.id) o
where (d.pending > 0 or d.failed > 0 or w.failures > 0 or not w.is_active
		or o.dropped > 0)
	and ($1::text is null or u.email = fold_case($1))
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
