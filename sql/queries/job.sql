-- name: job_claim
-- Claim up to :limit due jobs of the kinds in :kinds (comma separated) for
-- :lease µs in the name of holder :holder. Each priority is its own index
-- range, in order; the row locks are gone when the statement ends. A claim
-- is a try begun: counted and traced before anything is sent (row RE4),
-- unless the job expired or has had all its tries. Answers the time it has
-- left in µs (null: no end).
-- int: attempts, priority
-- bool: expired, spent
-- bytes: payload
with due as (
	select j.*
	from generate_series(0, 9) p (priority)
	cross join lateral (
		select id, coalesce(expires_at <= now(), false) as expired,
		    attempts >= max_attempts as spent
		from jobs
		where state = 'ready' and jobs.priority = p.priority
		  and run_at <= now()
		  and kind = any (string_to_array(:kinds, ','))
		order by run_at, id
		limit :limit::int
		for update skip locked
	) j
	limit :limit::int
), claimed as (
	update jobs set lease_token = gen_random_uuid(),
	    lease_holder = :holder::uuid,
	    run_at = now() + :lease::bigint * interval '1 microsecond',
	    attempts = attempts + (not (expired or spent))::int
	from due
	where jobs.id = due.id
	returning jobs.*, expired, spent
), trace as (
	insert into job_attempts (job_id, lease_token, attempt)
	select id, lease_token, attempts from claimed
	where not (expired or spent)
)
select id, lease_token, kind, payload, attempts, priority,
    to_us(created_at) as created_at, (extract(epoch from expires_at - now())
	* 1000000)::bigint as time_left, expires_at is null as is_endless,
    expired, spent
from claimed
order by priority, created_at, id;

-- name: job_settle
-- How claims ended: :ends a JSON array of {id, lease, state, result,
-- attempts, delay, reason}. state: done, ready (again, in delay µs), dead
-- or expired. result: what the trace says; null: nothing was sent, and
-- there is no trace. The payload goes with what was sent or expired; a dead
-- letter keeps it so that it can be sent again. Only who still holds the
-- lease says so, as often as he wants. Answers whose end it was.
-- safe: yes
with said as (
	select * from json_to_recordset(:ends::json) s (id uuid, lease uuid,
		state text, result text, attempts integer, delay bigint,
		reason text)
), trace as (
	update job_attempts t set finished_at = now(), result = said.result,
	    detail = said.reason
	from said
	where t.job_id = said.id and t.lease_token = said.lease
	  and said.result is not null
), untried as (
	delete from job_attempts t using said
	where t.job_id = said.id and t.lease_token = said.lease
	  and said.result is null
)
update jobs set state = said.state, attempts = said.attempts,
    run_at = case when said.state = 'ready'
	then now() + said.delay * interval '1 microsecond'
	else jobs.run_at end,
    lease_token = case when said.state = 'ready' and said.result is null
	then null else jobs.lease_token end,
    lease_holder = null, last_error = said.reason,
    payload = case when said.state in ('done', 'expired') then null
	else jobs.payload end,
    finished_at = case when said.state <> 'ready'
	then coalesce(jobs.finished_at, now()) end
from said
where jobs.id = said.id and jobs.lease_token = said.lease
  and jobs.state in ('ready', said.state)
returning jobs.id;

-- name: job_release_holder
-- Give back every claim of a worker process that is known to be dead, or of
-- this one where it knows of none: all but the leases :leases (comma
-- separated).
-- safe: yes
update jobs set run_at = now(), lease_token = null, lease_holder = null
where lease_holder = :holder::uuid and state = 'ready'
  and not lease_token = any (string_to_array(:leases, ',')::uuid[])
returning id;

-- name: job_list
-- For posternctl queue list: state :state (null: all but done), newest
-- first, page of :limit rows below the id :behind_id (null: the first
-- page).
-- int: priority, attempts, max_attempts
select id, kind, state, priority, attempts, max_attempts,
	to_us(run_at) as run_at,
    to_us(expires_at) as expires_at, to_us(created_at) as created_at,
	to_us(finished_at) as finished_at, last_error,
    lease_token is not null and run_at > now()
	and state = 'ready' as is_claimed
from jobs
where (:state::text is null and state <> 'done' or state = :state)
  and (:behind_id::uuid is null or id < :behind_id)
order by id desc
limit :limit::int;

-- name: job_retry
-- For posternctl queue retry: a dead letter, or all when :id is null, is
-- due now, with all its attempts and at least a day of life. Answers the
-- ids.
update jobs set state = 'ready', attempts = 0, run_at = now(),
    finished_at = null, lease_token = null, lease_holder = null,
    expires_at = case when expires_at is null then null
        else greatest(expires_at, now() + interval '1 day') end
where (:id::uuid is null or id = :id) and state = 'dead'
  and payload is not null
returning id;
