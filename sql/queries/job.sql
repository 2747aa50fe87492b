-- Claim up to $1 due jobs of the kinds in $2 (comma separated) for $3 µs in
-- the name of holder $4. Each priority is its own index range, in order; the
-- row locks are gone when the statement ends.
-- name: job_claim
with due as (
	select j.id
	from generate_series(0, 9) p (priority)
	cross join lateral (
		select id from jobs
		where state = 'ready' and jobs.priority = p.priority
		  and run_at <= now()
		  and kind = any (string_to_array($2, ','))
		order by run_at, id
		limit $1::int
		for update skip locked
	) j
	limit $1::int
), claimed as (
	update jobs set lease_token = gen_random_uuid(),
	    lease_holder = $4::uuid,
	    run_at = now() + $3::bigint * interval '1 microsecond'
	from due
	where jobs.id = due.id
	returning jobs.*
)
select id, lease_token, kind, payload, attempts, max_attempts,
    to_us(created_at), to_us(expires_at), coalesce(expires_at <= now(), false)
from claimed
order by priority, created_at, id;

-- The trace before the send, and the lease renewed for $4 µs. No row: the
-- lease went to another worker, or the job expired meanwhile.
-- name: job_begin
-- safe: yes
with begun as (
	update jobs set attempts = $3::int,
	    run_at = now() + $4::bigint * interval '1 microsecond'
	where id = $1::uuid and lease_token = $2::uuid and state = 'ready'
	  and (expires_at is null or expires_at > now())
	returning id, lease_token, attempts
), trace as (
	insert into job_attempts (job_id, lease_token, attempt)
	select id, lease_token, attempts from begun
	on conflict do nothing
)
select attempts from begun;

-- Sent: the payload goes with it.
-- name: job_done
-- safe: yes
with trace as (
	update job_attempts set finished_at = now(), result = 'sent'
	where job_id = $1::uuid and lease_token = $2::uuid
)
update jobs set state = 'done', payload = null, last_error = null,
    finished_at = coalesce(finished_at, now())
where id = $1::uuid and lease_token = $2::uuid
returning id;

-- Not sent, due again in $3 µs. $4: attempts that count; $5: result of the
-- trace; $6: reason.
-- name: job_retry_later
-- safe: yes
with trace as (
	update job_attempts set finished_at = now(), result = $5, detail = $6
	where job_id = $1::uuid and lease_token = $2::uuid
)
update jobs set run_at = now() + $3::bigint * interval '1 microsecond',
    attempts = $4::int, last_error = $6, lease_holder = null
where id = $1::uuid and lease_token = $2::uuid and state = 'ready'
returning id;

-- Never to be sent: state $3 ('dead' or 'expired') and reason $4. A dead
-- letter keeps its payload so that it can be sent again; what expired does not.
-- name: job_bury
-- safe: yes
with trace as (
	update job_attempts set finished_at = now(), result = 'dead', detail = $4
	where job_id = $1::uuid and lease_token = $2::uuid
	  and finished_at is null
)
update jobs set state = $3, last_error = $4,
    finished_at = coalesce(finished_at, now()), lease_holder = null,
    payload = case when $3 = 'expired' then null else payload end
where id = $1::uuid and lease_token = $2::uuid
  and state in ('ready', $3)
returning id;

-- Give back a claim that was not begun.
-- name: job_release
-- safe: yes
update jobs set run_at = now(), lease_token = null, lease_holder = null
where id = $1::uuid and lease_token = $2::uuid and state = 'ready'
returning id;

-- Give back every claim of a worker process that is known to be dead.
-- name: job_release_holder
-- safe: yes
update jobs set run_at = now(), lease_token = null, lease_holder = null
where lease_holder = $1::uuid and state = 'ready'
returning id;

-- For posternctl queue list: state $1 (null: all but done), newest first,
-- page of $2 rows below the id $3 (null: the first page).
-- name: job_list
select id, kind, state, priority, attempts, max_attempts, to_us(run_at),
    to_us(expires_at), to_us(created_at), to_us(finished_at), last_error,
    lease_token is not null and run_at > now() and state = 'ready'
from jobs
where ($1::text is null and state <> 'done' or state = $1)
  and ($3::uuid is null or id < $3)
order by id desc
limit $2::int;

-- For posternctl queue retry: a dead letter, or all when $1 is null, is due
-- now, with all its attempts and at least a day of life. Answers the ids.
-- name: job_retry
update jobs set state = 'ready', attempts = 0, run_at = now(),
    finished_at = null, lease_token = null, lease_holder = null,
    expires_at = case when expires_at is null then null
        else greatest(expires_at, now() + interval '1 day') end
where ($1::uuid is null or id = $1) and state = 'dead'
  and payload is not null
returning id;

-- For /health and posternctl queue stats: ready, due now, being sent, dead,
-- expired, and the age in µs of the oldest due job (0: none is due). Reads
-- the partial indexes only: what is done costs nothing.
-- name: job_stats
-- safe: yes
select r.ready, r.due, r.sending, f.dead, f.expired, r.oldest
from (
	select count(*) as ready,
	    count(*) filter (where run_at <= now()) as due,
	    count(*) filter (where lease_holder is not null
	        and run_at > now()) as sending,
	    coalesce((extract(epoch from now() - min(run_at) filter
	        (where run_at <= now())) * 1000000)::bigint, 0) as oldest
	from jobs where state = 'ready'
) r, (
	select count(*) filter (where state = 'dead') as dead,
	    count(*) filter (where state = 'expired') as expired
	from jobs where state in ('dead', 'expired')
) f;

-- The work of name $1 is this worker's until it is due again in $2 µs.
-- name: cron_claim
update cron_jobs set last_run = now(),
    next_run = now() + $2::bigint * interval '1 microsecond'
where name = $1 and next_run <= now()
returning name;
