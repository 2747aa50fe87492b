-- name: webhook_create
-- No row: he has as many as he may. With an id that is there already the
-- answer to the first try was lost (row RE8), and the secret, which nobody
-- saw, is replaced. With :own_only it gets the owner's own events, for good.
-- bool: everyone
with w as (
	insert into webhooks (id, user_id, url, events, is_active, everyone,
		own_only, secret)
	select :id::uuid, u.id, :url, string_to_array(:events, ','),
		:is_active::boolean,
		user_may(u.id, 'users.read') and not :own_only::boolean,
		:own_only::boolean, :secret::bytea
	from users u
	where u.id = :user_id::uuid
		and webhooks_beside(u.id, :id::uuid) < :webhooks_max::integer
	on conflict (id) do update set secret = excluded.secret
	returning id, created_at, everyone, xmax = 0 as made
), a as (
	-- use: audit(action => 'webhook.create', resource => 'webhooks',
	--	user => :user_id::uuid)
	from w where made
)
select to_us(created_at) as created_at, everyone from w;

-- name: webhook_list
-- With :own_only without those that hear of everybody. One row at least, for
-- the total.
-- int: failures, total, waiting, dropped
-- bool: everyone
-- safe: yes
with found as (
	select * from webhooks
	where user_id = :user_id::uuid and (:id::text is null or id::text = :id)
		and not (:own_only::boolean and everyone)
)
select id, url, array_to_string(events, ',') as events, is_active,
	disabled_reason,
	everyone, failures, to_us(failing_since) as failing_since,
	to_us(previous_until) as previous_until,
	to_us(created_at) as created_at, to_us(updated_at) as updated_at,
	total.n as total,
	to_us(answered_at) as answered_at, to_us(confirmed_at) as confirmed_at,
	coalesce(full_until > now(), false) as is_full,
	webhook_waiting(id, 1000) as waiting,
	coalesce(dropped, 0) as dropped, to_us(last_dropped) as last_dropped
from (select count(*) as n from found) total left join (
	select * from found order by created_at desc, id desc
	limit :limit::integer offset :offset::integer) w on true
	left join lateral (
	select sum(dropped) as dropped, max(last_at) as last_dropped
	from webhook_drops where webhook_id = w.id) d on true
order by w.created_at desc, id desc;

-- name: webhook_update
-- What is null stays. Switched on again, its failures are forgotten; with
-- another URL what the endpoint proved is, too; what it reaches is what its
-- owner may see today. With :own_only it gets the owner's own events, for
-- good.
-- null: is_active
with w as (
	update webhooks set url = coalesce(:url, url),
		events = coalesce(string_to_array(:events, ','), events),
		is_active = coalesce(:is_active::boolean, is_active),
		everyone = user_may(user_id, 'users.read')
			and not (own_only or :own_only::boolean),
		own_only = own_only or :own_only::boolean,
		disabled_reason = case when coalesce(:is_active::boolean,
		is_active)
			then null else disabled_reason end,
		failures = case when :is_active::boolean or :url is not null
			then 0
			else failures end,
		failing_since = case when :is_active::boolean
			or :url is not null
			then null else failing_since end,
		paused_until = case when :is_active::boolean
			or :url is not null
			then null else paused_until end,
		answered_at = case when :url is null or :url = url
			then answered_at end,
		confirmed_at = case when :url is null or :url = url
			then confirmed_at end,
		updated_at = now()
	where user_id = :user_id::uuid and id::text = :id
	returning id
), a as (
	-- use: audit(action => 'webhook.update', resource => 'webhooks',
	--	user => :user_id::uuid)
	from w
)
select id from w;

-- name: webhook_delete
with w as (
	delete from webhooks where user_id = :user_id::uuid and id::text = :id
	returning id
), a as (
	-- use: audit(action => 'webhook.delete', resource => 'webhooks',
	--	user => :user_id::uuid)
	from w
)
select id from w;

-- name: webhook_rotate
-- Both secrets sign for the overlap (security row WH7).
with w as (
	update webhooks set previous_secret = secret, secret = :secret::bytea,
		previous_until = now() + :overlap::bigint *
			interval '1 microsecond',
		updated_at = now()
	where user_id = :user_id::uuid and id::text = :id
	returning id, previous_until
), a as (
	-- use: audit(action => 'webhook.rotate', resource => 'webhooks',
	--	user => :user_id::uuid)
	from w
)
select to_us(previous_until) as previous_until from w;

-- name: webhook_test
-- A delivery to this webhook alone, active or not. A body of null: too many
-- wait.
with w as (
	select id, user_id from webhooks
	where user_id = :user_id::uuid and id::text = :id
), d as (
	insert into webhook_deliveries (id, webhook_id, event_id, event, body)
	select :delivery_id::uuid, id, :event_id::uuid, 'webhook.test',
		event_body(:event_id::uuid,
		'webhook.test', json_build_object('userId', user_id,
			'webhookId', id))
	from w where webhook_has_room(id)
	returning body, created_at
)
select d.body, to_us(d.created_at) as created_at from w left join d on true;

-- name: webhook_deliveries
-- Newest first, their number exact to ten thousand. One row at least, for the
-- total, unless it is not his webhook.
-- int: status, total
-- safe: yes
with w as (
	select id from webhooks where user_id = :user_id::uuid
		and id::text = :webhook_id
), counted as (
	select count(*) as n from (
		select 1 from webhook_deliveries d, w
		where d.webhook_id = w.id
			and (:delivery_id::text is null
				or d.id::text = :delivery_id)
		limit 10001) few
), held as (
	select k.id, k.attempts, c.started_at
	from w join webhook_claims c on c.webhook_id = w.id
		cross join lateral unnest(c.ids, c.attempts) k (id, attempts)
)
select d.id, d.event_id, d.event, d.state, d.body,
	d.attempts + (h.id is not null)::integer as attempts, d.status,
	d.error,
	to_us(case when d.state = 'ready' then d.run_at end) as next_try_at,
	to_us(d.created_at) as created_at, to_us(d.finished_at) as finished_at,
	counted.n as total,
	array_to_json(d.tries) as tries, to_us(h.started_at) as started_at
from counted cross join w left join lateral (
	select * from webhook_deliveries
	where webhook_id = w.id
		and (:delivery_id::text is null or id::text = :delivery_id)
	order by id desc limit :limit::integer offset :offset::integer) d
	on true left join held h on h.id = d.id and h.attempts = d.attempts
		and d.state = 'ready'
order by d.id desc;

-- name: webhook_redeliver
-- The same message with the same id, from its first try on. An id of null:
-- too many wait.
with there as (
	select d.webhook_id, d.id from webhooks w
		join webhook_deliveries d on d.webhook_id = w.id
	where w.user_id = :user_id::uuid and w.id::text = :webhook_id
		and d.id::text = :delivery_id
), again as (
	update webhook_deliveries d set state = 'ready', failures = 0,
		run_at = now(), finished_at = null, error = null
	from there t
	where d.webhook_id = t.webhook_id and d.id = t.id
		and (d.state = 'ready' or webhook_has_room(t.webhook_id))
	returning d.id
)
select again.id from there left join again on true;

-- name: webhook_claim
-- What the worker says. A claim is a try begun, traced before it is sent
-- (row RE4; see schema 0051): at most :limit deliveries; of the endpoints
-- :ids at most :rooms each, of others :room, one where the last try failed,
-- none of those that are left alone; for :lease µs, by holder :holder,
-- under the token :token. Answers how many.
-- int: claimed
select webhook_claim(:limit::integer, :ids::uuid[], :rooms::integer[],
	:room::integer,
	:lease::bigint * interval '1 microsecond', :holder::uuid,
	:token::uuid) as claimed;

-- name: webhook_claimed
-- What was claimed under the token :token and is not finished. Each is
-- looked up by its key, behind a fence (offset 0) and here and below
-- without asking for what is ready: the planner must not read the line of
-- all that is instead, however short it was when it last looked.
-- int: attempts, failures
-- bool: wanted
-- bytes: secret, previous_secret
-- safe: yes
select d.id, d.event_id, d.event, d.body, d.attempts, d.failures,
	w.id as webhook_id, w.url,
	w.secret,
	case when w.previous_until > now()
		then w.previous_secret end as previous_secret,
	w.failures > 0 as is_probing, u.is_active and (d.event = 'webhook.test'
		or (w.is_active and (d.event = any (w.events)
			or '*' = any (w.events)))) as wanted,
				w.confirmed_at is null as is_trial
from webhook_claims c join webhooks w on w.id = c.webhook_id
	join users u on u.id = w.user_id
	cross join lateral unnest(c.ids, c.attempts) k (id, attempts)
	cross join lateral (select * from webhook_deliveries
		where webhook_id = c.webhook_id and id = k.id offset 0) d
where c.token = :token::uuid and d.attempts = k.attempts
	and d.finished_at is null;

-- name: webhook_settle
-- How tries ended, an array for each column, times in µs. What somebody
-- else told of meanwhile stays. Claims that ended whole, by tokens :tokens
-- and webhooks :token_webhooks, are over. An endpoint that failed often in
-- a row is left alone for ever longer, one that answers is forgiven.
-- Answers the endpoints that failed for :patience µs. Of those not
-- confirmed, :urls is the URL the try went to and :echoed whether the
-- challenge came back: what one URL proves says nothing of the next.
-- safe: yes
with said as (
	select * from unnest(:webhooks::uuid[], :ids::uuid[],
		:numbers::integer[],
		:states::text[], :failed::boolean[], :delays::bigint[],
		:pauses::bigint[],
		:statuses::integer[], :errors::text[], :tries::json[],
		:urls::text[],
		:echoed::boolean[])
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
	using unnest(:tokens::uuid[], :token_webhooks::uuid[]) o (token,
	webhook)
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
				*
					(e.failed
						and w.answered_at
							is null)::integer,
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
	and failing_since < now() - :patience::bigint *
		interval '1 microsecond';

-- name: webhook_release
-- Give back what a worker process claimed that is known to be dead, or one
-- claim whose answer was lost.
-- int: released
-- safe: yes
select webhook_release(:holder::uuid, :token::uuid) as released;

-- name: webhook_owner
-- safe: yes
select u.email, case when u.verified_at is not null
		then coalesce(u.full_name, u.first_name,
			u.username) end as greeting,
	case when u.verified_at is not null then w.url end as url
from webhooks w join users u on u.id = w.user_id
	where w.id = :webhook_id::uuid;

-- name: webhook_disable
-- The endpoint is given up and its owner told once. What waits for it
-- becomes a dead letter as it is claimed (row WH10): it may be a million
-- rows, too many for one statement.
with w as (
	update webhooks set is_active = false, disabled_reason = :reason,
		paused_until = null, updated_at = now()
	where id = :webhook_id::uuid and is_active
	returning id, user_id
), j as (
	-- use: send_sealed(priority => 1)
	from w
), a as (
	-- use: audit_local(action => 'webhook.disable',
	--	resource => 'webhooks', user => user_id, reason => :reason)
	from w
)
select id from w;
