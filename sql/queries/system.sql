-- Statements about the database itself.

-- name: ping
-- safe: yes
select 1;

-- name: transaction_begin
begin;

-- name: transaction_commit
commit;

-- name: transaction_rollback
rollback;

-- The lock of all who migrate; it goes with its transaction, so it works
-- behind a pooler in transaction mode.
-- name: migration_lock
select pg_advisory_xact_lock(5785213947206193);

-- name: migration_table
create table if not exists schema_migrations (
	version integer primary key,
	name text not null,
	sha256 text not null,
	applied_at timestamptz not null default now()
);

-- Is there a table yet? Told apart from "no right to read it".
-- name: migration_known
-- safe: yes
select to_regclass('schema_migrations') is not null;

-- name: migration_list
-- safe: yes
select version, name, sha256,
	(extract(epoch from applied_at) * 1000000)::bigint
from schema_migrations
order by version;

-- name: migration_add
insert into schema_migrations (version, name, sha256)
values ($1, $2, $3);

-- name: role_known
-- safe: yes
select rolname = current_user from pg_roles where rolname = $1;

-- name: queue_health
-- Due jobs (counted to a thousand), age of the oldest µs, dead ones.
-- safe: yes
select (select count(*) from (select 1 from jobs
		where state = 'ready' and run_at <= now() limit 1000) due),
	(select coalesce(to_us(now()) - to_us(min(run_at)), 0) from jobs
		where state = 'ready' and run_at <= now()),
	(select count(*) from (select 1 from jobs
		where state = 'dead' limit 1000) dead);
