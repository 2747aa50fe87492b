-- name: queue_health
-- How far jobs and webhook deliveries are behind: due (counted to :most),
-- age of the oldest in µs, given up (counted to :most). Each priority, and
-- each endpoint that has something to do (of five hundred), is a range of
-- its index: what is not due is not read, however much it is. An endpoint
-- that fails is its owner's trouble, and so is one that waits for its share
-- (schema 0080, 0082): of a share that nobody used for five seconds nothing
-- is sent.
-- int: due, oldest, dead, deliveries_due, oldest_delivery, deliveries_dead
-- safe: yes
with recursive endpoint (id) as (
	(select webhook_id from webhook_deliveries where state = 'ready'
		order by webhook_id limit 1)
	union all
	select (select d.webhook_id from webhook_deliveries d
		where d.state = 'ready' and d.webhook_id > endpoint.id
		order by d.webhook_id limit 1)
	from endpoint where endpoint.id is not null
), well as (
	select w.id from (select id from endpoint limit 500) e
		join webhooks w on w.id = e.id
		left join webhook_shares s on s.user_id = w.user_id
		left join webhook_host_shares h on h.host = webhook_host(w.url)
	where w.failures = 0 and coalesce(w.paused_until <= now(), true)
		and (w.confirmed_at is not null or coalesce(greatest(
			s.spent_until, h.spent_until)
			<= now() - interval '5 seconds', true))
)
select (select count(*) from (
		select 1 from generate_series(0, 9) p (priority)
			cross join lateral (select 1 from jobs
				where state = 'ready'
					and jobs.priority = p.priority
					and run_at <= now()
				limit :most::integer) j
		limit :most::integer) due) as due,
	(select coalesce(to_us(now()) - to_us(min(run_at)), 0)
		from generate_series(0, 9) p (priority)
			cross join lateral (select run_at from jobs
				where state = 'ready'
					and jobs.priority = p.priority
				order by run_at limit 1) j
		where run_at <= now()) as oldest,
	(select count(*) from (select 1 from jobs
		where state = 'dead' limit :most::integer) dead) as dead,
	(select count(*) from (
		select 1 from well cross join lateral (
			select 1 from webhook_deliveries
			where webhook_id = well.id and state = 'ready'
				and run_at <= now()
			limit :most::integer) d
		limit :most::integer) due) as deliveries_due,
	(select coalesce(to_us(now()) - to_us(min(run_at)), 0)
		from well cross join lateral (
			select run_at from webhook_deliveries
			where webhook_id = well.id and state = 'ready'
			order by run_at limit 1) d
		where run_at <= now()) as oldest_delivery,
	(select count(*) from (select 1 from webhook_deliveries
		where state = 'dead' limit :most::integer) dead)
			as deliveries_dead;

-- name: queue_kinds
-- For an administrator: a row for each kind of job, and 'webhook': ready,
-- due, being sent (of the webhooks: claimed), age of the oldest due in µs,
-- dead, expired. Each is counted among the first :most of a priority.
-- int: ready, due, sending, oldest, dead, expired
-- safe: yes
with ready as (
	select j.* from generate_series(0, 9) p (priority)
		cross join lateral (
			select kind, run_at, lease_holder is not null
				and run_at > now() as sending
			from jobs where state = 'ready'
				and jobs.priority = p.priority
			order by run_at limit :most::integer) j
	union all
	select * from (select 'webhook', run_at,
			(id, attempts) in (select k.id, k.attempts
				from webhook_claims c cross join lateral
				unnest(c.ids, c.attempts) k (id, attempts))
		from webhook_deliveries
		where state = 'ready' limit :most::integer) d
), over as (
	select * from (select kind, state from jobs
		where state in ('dead', 'expired') limit :most::integer) j
	union all
	select * from (select 'webhook', state from webhook_deliveries
		where state = 'dead' limit :most::integer) d
), kinds as (
	select kind from ready union select kind from over
	union values ('mail'), ('sms'), ('webhook')
)
select k.kind, coalesce(r.ready, 0) as ready, coalesce(r.due, 0) as due,
	coalesce(r.sending, 0) as sending, coalesce(r.oldest, 0) as oldest,
	coalesce(o.dead, 0) as dead,
	coalesce(o.expired, 0) as expired
from kinds k left join (
	select kind, count(*) as ready,
		count(*) filter (where run_at <= now()) as due,
		count(*) filter (where sending) as sending,
		to_us(now()) - to_us(min(run_at)
			filter (where run_at <= now())) as oldest
	from ready group by kind) r on r.kind = k.kind
left join (
	select kind, count(*) filter (where state = 'dead') as dead,
		count(*) filter (where state = 'expired') as expired
	from over group by kind) o on o.kind = k.kind
order by k.kind;

-- name: queue_alarm_set
-- The alarm is on or off (:on). A row: it was not before, and this one says
-- so; since when it was on (null: it was off).
-- int: was_on
with was as (
	select since from queue_alarm
)
update queue_alarm set since = case when :on::boolean then now() end
from was
where (queue_alarm.since is not null) <> :on::boolean
returning to_us(now()) - to_us(was.since) as was_on;
