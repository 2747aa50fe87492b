-- Statements about the database itself.

-- name: ping
-- safe: yes
select 1;

-- name: database_ready
-- How many of the migrations :versions have been made, and can a write be
-- made now? The lock of a row is one: it takes a transaction number and a
-- flush of the log, and leaves nothing behind. Who finds it locked sees
-- another one's write.
-- int: known, written
-- safe: yes
with written as materialized (
	select 1 from queue_alarm for update skip locked
)
select (select count(*) from schema_migrations
		where version = any (:versions::integer[])) as known,
	(select count(*) from written) as written;

-- name: transaction_begin
begin;

-- name: transaction_commit
commit;

-- name: transaction_rollback
rollback;

-- name: migration_lock
-- The lock of all who migrate; it goes with its transaction, so it works
-- behind a pooler in transaction mode.
select pg_advisory_xact_lock(5785213947206193);

-- name: migration_table
create table if not exists schema_migrations (
	version integer primary key,
	name text not null,
	sha256 text not null,
	applied_at timestamptz not null default now()
);

-- name: migration_known
-- Is there a table yet? Told apart from "no right to read it".
-- safe: yes
select to_regclass('schema_migrations') is not null as known;

-- name: migration_list
-- int: version
-- safe: yes
select version, name, sha256,
	(extract(epoch from applied_at) * 1000000)::bigint as applied_at
from schema_migrations
order by version;

-- name: migration_oldest
-- The newest migration that a program must know to run on this schema.
-- int: version
-- safe: yes
select coalesce(substring(obj_description(
	to_regclass('schema_migrations'), 'pg_class')
	from 'oldest program: ([0-9]{1,9})')::integer, 0) as version;

-- name: migration_add
insert into schema_migrations (version, name, sha256)
values (:version::integer, :name, :sha256);

-- name: role_known
-- Whether it is the owner, and whether it was given rights before.
-- bool: may_read
-- safe: yes
select rolname = current_user as is_us,
	has_table_privilege(oid, 'schema_migrations', 'select') as may_read
from pg_roles where rolname = :role;
