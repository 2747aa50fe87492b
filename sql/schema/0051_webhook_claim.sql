-- A claim of deliveries is a row for each endpoint it takes from, written
-- before the first of them is sent (security row RE4), and the deliveries stay
-- as they are: one write each, when it is known how a try ended.
--
-- A claim takes a delivery for one try: it holds those whose attempts are what
-- they were when it was made. How a try ended raises them, whatever ends it, so
-- that no two holders tell of the same one (row RE3).

create table webhook_claims (
	-- of the claim, made by the worker: of one whose answer was lost it knows
	-- what to give back
	token uuid not null,
	webhook_id uuid not null references webhooks on delete cascade,
	holder uuid not null,
	started_at timestamptz not null,
	until timestamptz not null,
	-- the deliveries, and the attempts of each
	ids uuid[] not null,
	attempts integer[] not null,
	primary key (token, webhook_id)
) with (autovacuum_vacuum_cost_delay = 0, toast.autovacuum_vacuum_cost_delay = 0);
-- random: to compress it is in vain
alter table webhook_claims alter ids set storage external,
	alter attempts set storage external;

update webhook_deliveries set tries = tries_lost(tries, attempts, started_at)
where state = 'ready' and lease_token is not null;
alter table webhook_deliveries drop column lease_token,
	drop column lease_holder, drop column lease_until,
	drop column started_at;
alter table webhook_deliveries reset (fillfactor);

-- Give back what a claim took and nobody told the end of: of $1, of $1 under
-- the token $2, or of whoever let it run out. Whether it arrived is not known,
-- so it is sent again with the same id. What is ready is not finished: to ask
-- for what is ready would offer the planner the line of all that is, which may
-- have been short when it last looked.
create function webhook_release(p_holder uuid, p_token uuid) returns bigint
language sql volatile as $$
	with c as (
		delete from webhook_claims
		where case when p_holder is null then until <= now()
			else holder = p_holder
			and (p_token is null or token = p_token) end
		returning *
	), held as materialized (
		select c.webhook_id, c.started_at, k.id, k.attempts
		from c cross join lateral unnest(c.ids, c.attempts)
			k (id, attempts)
	), lost as (
		update webhook_deliveries d set run_at = now(),
			attempts = d.attempts + 1,
			tries = tries_lost(d.tries, d.attempts + 1,
				h.started_at)
		from held h
		where d.webhook_id = h.webhook_id and d.id = h.id
			and d.attempts = h.attempts and d.finished_at is null
		returning 1
	)
	select count(*) from lost;
$$;

-- Claim: one worker at a time, and none waits for a client meanwhile, as what
-- is answered is a number. Each statement below sees what was committed before
-- it, thus all claims before this one. The parameters are those of the query
-- webhook_claim. It does not wait for the disk: a claim that a crash of
-- Postgres forgets is made again, with the same ids.
--
-- The endpoints with something to do are found by skipping along the index,
-- and taken in any order: one with a million rows is served like one with one
-- (row WH10). The line of each is an index's, whatever the planner thinks of a
-- table that grew since it last looked; what it then thinks of the cost is no
-- reason to compile.
create function webhook_claim(p_limit integer, p_ids uuid[],
	p_rooms integer[], p_room integer, p_lease interval, p_holder uuid,
	p_token uuid)
returns bigint language plpgsql volatile
set enable_seqscan = off set enable_bitmapscan = off set jit = off as $$
declare
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
	), open as materialized (
		select w.id, least(coalesce(k.room, p_room),
			case when w.failures > 0 and w.is_active then 1 end)
			as room
		from endpoint join webhooks w on w.id = endpoint.id
			left join unnest(p_ids, p_rooms) k (id, room)
				on k.id = w.id
		where coalesce(w.paused_until <= now(), true)
			and coalesce(k.room > 0, true)
		order by random()
	), held as materialized (
		select k.id, k.attempts from webhook_claims c
			cross join lateral unnest(c.ids, c.attempts)
			k (id, attempts)
	), due as (
		select d.* from open cross join lateral (
			select webhook_id, id, attempts
			from webhook_deliveries
			where webhook_id = open.id and state = 'ready'
				and run_at <= now() and (id, attempts) not in
					(select h.id, h.attempts from held h)
			order by run_at, id limit open.room) d
		limit p_limit
	), claimed as (
		insert into webhook_claims (token, webhook_id, holder,
			started_at, until, ids, attempts)
		select p_token, webhook_id, p_holder, clock_timestamp(),
			clock_timestamp() + p_lease, array_agg(id),
			array_agg(attempts)
		from due group by webhook_id
		returning cardinality(ids) as n
	)
	select coalesce(sum(claimed.n), 0) into n from claimed;
	return n;
end $$;
