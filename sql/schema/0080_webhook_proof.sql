-- An endpoint proves that it wants what it gets before it gets bursts of it
-- (security row WH12): anybody may make a webhook that points at anybody.
--
-- Silent: it never answered 2xx. It is asked one delivery at a time, and not
-- again for ten seconds after one that failed.
-- Answering: so do pages that take whatever is posted. All such endpoints of
-- one owner get ten a second together, fifty after a pause.
-- Confirmed: it gave the challenge of a delivery back (docs/webhooks.md), or
-- answers and belongs to one who may see all users. It gets what it takes.

alter table webhooks add answered_at timestamptz, add confirmed_at timestamptz;
-- The endpoints there are, but for those that fail.
update webhooks w set answered_at = now(), confirmed_at = now()
where failures = 0 and (created_at < now() - interval '7 days' or exists (
	select 1 from webhook_deliveries d
	where d.webhook_id = w.id and d.state = 'done'));

-- What an owner's answering endpoints had of their share: it is spent up to
-- this time, and grows with the clock, to five seconds' worth.
create table webhook_shares (
	user_id uuid primary key references users on delete cascade,
	spent_until timestamptz not null
) with (fillfactor = 50);

create or replace function webhook_claim(p_limit integer, p_ids uuid[],
	p_rooms integer[], p_room integer, p_lease interval, p_holder uuid,
	p_token uuid)
returns bigint language plpgsql volatile
set enable_seqscan = off set enable_bitmapscan = off set jit = off as $$
declare
	share constant interval := '0.1 s';
	saved constant interval := '5 s';
	n bigint;
begin
	perform set_config('synchronous_commit', 'off', true),
		pg_advisory_xact_lock(hashtext('webhook_claims'));
	if exists (select from webhook_claims where until <= now()) then
		perform webhook_release(null, null);
	end if;
	with recursive endpoint (id) as (
		(select webhook_id from webhook_deliveries
			where state = 'ready' order by webhook_id limit 1)
		union all
		select (select d.webhook_id from webhook_deliveries d
			where d.state = 'ready' and d.webhook_id > endpoint.id
			order by d.webhook_id limit 1)
		from endpoint where endpoint.id is not null
	), busy as materialized (
		select webhook_id from webhook_claims
	), open as materialized (
		select w.id, w.user_id, s.shares, least(
			coalesce(k.room, p_room), s.shares,
			case when w.is_active and (w.failures > 0
				or w.answered_at is null) then 1 end) as room
		from endpoint join webhooks w on w.id = endpoint.id
			left join unnest(p_ids, p_rooms) k (id, room)
				on k.id = w.id
			left join webhook_shares o on o.user_id = w.user_id
			-- null: it is not counted
			cross join lateral (select case when w.is_active
				and w.answered_at is not null
				and w.confirmed_at is null
				and not (w.everyone and user_may(w.user_id,
					'users.read'))
				then greatest(0, floor(extract(epoch from
					least(now() - coalesce(o.spent_until,
						now() - saved), saved))
					/ extract(epoch from share)))::integer
				end as shares) s
		where coalesce(w.paused_until <= now(), true)
			and coalesce(k.room > 0, true)
			and coalesce(s.shares > 0, true)
			and (w.answered_at is not null or not w.is_active
				or w.id not in (select webhook_id from busy))
		order by random()
	), held as materialized (
		select k.id, k.attempts from webhook_claims c
			cross join lateral unnest(c.ids, c.attempts)
			k (id, attempts)
	), due as (
		select d.*, open.user_id, open.shares
		from open cross join lateral (
			select webhook_id, id, attempts
			from webhook_deliveries
			where webhook_id = open.id and state = 'ready'
				and run_at <= now() and (id, attempts) not in
					(select h.id, h.attempts from held h)
			order by run_at, id limit open.room) d
		limit p_limit
	), taken as materialized (
		select * from (select due.*, row_number() over (
			partition by user_id, shares is null order by id) as i
			from due) numbered
		where coalesce(i <= shares, true)
	), spent as (
		insert into webhook_shares as o (user_id, spent_until)
		select user_id, now() - saved + count(*) * share
		from taken where shares is not null group by user_id
		on conflict (user_id) do update set spent_until = greatest(
			o.spent_until, now() - saved)
			+ (excluded.spent_until - (now() - saved))
	), claimed as (
		insert into webhook_claims (token, webhook_id, holder,
			started_at, until, ids, attempts)
		select p_token, webhook_id, p_holder, clock_timestamp(),
			clock_timestamp() + p_lease, array_agg(id),
			array_agg(attempts)
		from taken group by webhook_id
		returning cardinality(ids) as n
	)
	select coalesce(sum(claimed.n), 0) into n from claimed;
	return n;
end $$;
