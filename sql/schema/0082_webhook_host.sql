-- Many owners may point at one host (security row WH12): endpoints that did
-- not give a challenge back get fifty deliveries a second together, whoever
-- owns them, and 250 at once after a pause. See 0080 for an owner's share.

create table webhook_host_shares (
	host text primary key, -- and port, as the URLs have it
	spent_until timestamptz not null
) with (fillfactor = 50);
create index webhook_host_shares_spent on webhook_host_shares (spent_until);

-- What stands between the scheme and the path. Letter case is folded by a rule
-- of ours, not of the locale.
create function webhook_host(p_url text) returns text language sql immutable
return translate(rtrim(substring(p_url from '^[^:]*://([^/?]*)'), '.'),
	'ABCDEFGHIJKLMNOPQRSTUVWXYZ', 'abcdefghijklmnopqrstuvwxyz');

-- What of a share is left, to p_saved worth.
create function webhook_share(p_spent_until timestamptz, p_share interval,
	p_saved interval) returns integer language sql stable
return greatest(0, floor(extract(epoch from least(now()
	- coalesce(p_spent_until, now() - p_saved), p_saved))
	/ extract(epoch from p_share)))::integer;

create or replace function webhook_claim(p_limit integer, p_ids uuid[],
	p_rooms integer[], p_room integer, p_lease interval, p_holder uuid,
	p_token uuid)
returns bigint language plpgsql volatile
set enable_seqscan = off set enable_bitmapscan = off set jit = off as $$
declare
	share constant interval := '0.1 s';
	host_share constant interval := '0.02 s';
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
	), trial as materialized (
		-- whose: its owner's share counts too
		select w.id, w.user_id, w.is_active, w.answered_at, w.failures,
			coalesce(k.room, p_room) as room,
			w.is_active and w.confirmed_at is null
				and not (w.answered_at is not null
					and w.everyone and user_may(w.user_id,
					'users.read')) as unproved,
			w.is_active and w.answered_at is null as silent,
			webhook_host(w.url) as host
		from endpoint join webhooks w on w.id = endpoint.id
			left join unnest(p_ids, p_rooms) k (id, room)
				on k.id = w.id
		where coalesce(w.paused_until <= now(), true)
			and coalesce(k.room > 0, true)
	), open as materialized (
		select t.id, t.user_id, t.host, s.shares, s.host_shares, least(
			t.room, s.shares, s.host_shares,
			case when t.is_active and (t.failures > 0 or t.silent)
				then 1 end) as room
		from trial t
			left join webhook_shares o on t.unproved
				and o.user_id = t.user_id
			left join webhook_host_shares h on t.unproved
				and h.host = t.host
			-- null: it is not counted
			cross join lateral (select
				case when t.unproved and not t.silent then
					webhook_share(o.spent_until, share,
						saved) end as shares,
				case when t.unproved then
					webhook_share(h.spent_until,
						host_share, saved) end
					as host_shares) s
		where coalesce(s.shares > 0, true)
			and coalesce(s.host_shares > 0, true)
			and (not t.silent
				or t.id not in (select webhook_id from busy))
		order by random()
	), held as materialized (
		select k.id, k.attempts from webhook_claims c
			cross join lateral unnest(c.ids, c.attempts)
			k (id, attempts)
	), due as (
		select d.*, open.user_id, open.host, open.shares,
			open.host_shares
		from open cross join lateral (
			select webhook_id, id, attempts
			from webhook_deliveries
			where webhook_id = open.id and state = 'ready'
				and run_at <= now() and (id, attempts) not in
					(select h.id, h.attempts from held h)
			order by run_at, id limit open.room) d
		limit p_limit
	), owned as (
		select * from (select due.*, row_number() over (
			partition by user_id, shares is null order by id) as i
			from due) numbered
		where coalesce(i <= shares, true)
	), taken as materialized (
		select * from (select owned.*, row_number() over (
			partition by host, host_shares is null order by id)
			as j from owned) numbered
		where coalesce(j <= host_shares, true)
	), spent as (
		insert into webhook_shares as o (user_id, spent_until)
		select user_id, now() - saved + count(*) * share
		from taken where shares is not null group by user_id
		on conflict (user_id) do update set spent_until = greatest(
			o.spent_until, now() - saved)
			+ (excluded.spent_until - (now() - saved))
	), host_spent as (
		insert into webhook_host_shares as o (host, spent_until)
		select host, now() - saved + count(*) * host_share
		from taken where host_shares is not null group by host
		on conflict (host) do update set spent_until = greatest(
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
