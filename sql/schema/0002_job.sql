-- The queue (rows RE2 to RE7, CF5). Forward only.
--
-- A job is written by the statement of its cause, so that both or neither
-- happen. The right form is a data-modifying CTE, which Postgres executes
-- whether or not anything reads it (a plain SELECT in a CTE that nothing
-- reads is never executed):
--
--   with u as (
--           insert into users (...) values (...) returning id
--   ), j as (
--           insert into jobs (id, kind, payload, priority, expires_at)
--           select $7::uuid, 'mail', $8::bytea, 0,
--               now() + $9::bigint * interval '1 microsecond'
--           from u where $7::text is not null
--   )
--   select id from u;
--
-- One job is made for each row of the cause; none when the id is null. A null
-- expires_at is never late.

create table jobs (
	id uuid primary key,
	kind text not null check (kind ~ '^[a-z][a-z_]{0,31}$'),
	-- sealed to 'jobs/payload/<id>'; null once done
	payload bytea check (octet_length(payload) <= 131072),
	-- each value is claimed by its own index range: 0 codes people wait for,
	-- 1 notices, 5 what has time
	priority smallint not null default 1 check (priority between 0 and 9),
	attempts integer not null default 0,
	-- 30 attempts of a back-off that doubles from 10 s to 6 h are five days
	-- (row RE6)
	max_attempts integer not null default 30 check (max_attempts > 0),
	-- when it is due; a claim moves it forward, which is the lease: the job
	-- of a worker that died becomes due again by itself
	run_at timestamptz not null default now(),
	lease_token uuid,
	lease_holder uuid,
	state text not null default 'ready'
	    check (state in ('ready', 'done', 'dead', 'expired')),
	expires_at timestamptz,
	last_error text,
	created_at timestamptz not null default now(),
	finished_at timestamptz,
	check ((state = 'ready') = (finished_at is null)),
	check (payload is not null or state <> 'ready')
) with (
	fillfactor = 80,
	autovacuum_vacuum_scale_factor = 0.01,
	autovacuum_vacuum_threshold = 500,
	autovacuum_vacuum_cost_delay = 0
);

create index jobs_due on jobs (priority, run_at, id) where state = 'ready';
create index jobs_held on jobs (lease_holder) where lease_holder is not null;
create index jobs_failed on jobs (finished_at, id)
    where state in ('dead', 'expired');
create index jobs_done on jobs (finished_at) where state = 'done';

-- One row before every send, its result after (row RE4): what was tried is
-- known even when the worker died in between.
create table job_attempts (
	job_id uuid not null references jobs on delete cascade,
	lease_token uuid not null,
	attempt integer not null,
	started_at timestamptz not null default now(),
	finished_at timestamptz,
	result text check (result in ('sent', 'retry', 'unreachable', 'dead')),
	detail text,
	primary key (job_id, lease_token)
) with (
	autovacuum_vacuum_scale_factor = 0.02
);

-- What runs at a time of its own; the row decides which worker does it.
create table cron_jobs (
	name text primary key,
	next_run timestamptz not null default now(),
	last_run timestamptz
);

insert into cron_jobs (name) values ('maintenance');
