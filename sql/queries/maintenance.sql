-- What the worker deletes at session.cleanup_interval: each statement at most
-- :limit rows, oldest first by an index, again until fewer are found. Rows that
-- somebody holds are left for the next time.

-- name: cron_claim
-- The work of name :name is this worker's until it is due again in :every
-- µs.
update cron_jobs set last_run = now(),
    next_run = now() + :every::bigint * interval '1 microsecond'
where name = :name and next_run <= now()
returning name;

-- name: clean_sessions
-- Tokens of a session that ran out are refused by their age; a week longer
-- somebody may ask why it ended.
-- safe: yes
delete from sessions where id in (
	select id from sessions
	where expires_at < now() - interval '7 days'
	order by expires_at limit :limit::int for update skip locked)
returning 1;

-- name: clean_one_time
-- Codes and links; a day longer they count for who asks too often.
-- safe: yes
delete from one_time where id in (
	select id from one_time
	where expires_at < now() - interval '1 day'
	order by expires_at limit :limit::int for update skip locked)
returning 1;

-- name: clean_registrations
-- Later registrations of an address: who shows one within a day has it.
-- safe: yes
delete from registrations where id in (
	select id from registrations
	where created_at < now() - interval '1 day'
	order by created_at limit :limit::int for update skip locked)
returning 1;

-- name: clean_factor_codes
-- safe: yes
delete from factor_codes where id in (
	select id from factor_codes
	where expires_at < now() - interval '1 day'
	order by expires_at limit :limit::int for update skip locked)
returning 1;

-- name: clean_challenges
-- safe: yes
delete from challenges where id in (
	select id from challenges
	where expires_at < now() - interval '1 day'
	order by expires_at limit :limit::int for update skip locked)
returning 1;

-- name: clean_login_places
-- Where nobody has come from for more than a year.
-- safe: yes
delete from login_places where (user_id, kind, digest) in (
	select user_id, kind, digest from login_places
	where seen_at < now() - interval '400 days'
	order by seen_at limit :limit::int for update skip locked)
returning 1;

-- name: clean_attempts
-- safe: yes
delete from attempts where bucket in (
	select bucket from attempts
	where expires_at < now() - interval '1 minute'
	order by expires_at limit :limit::int for update skip locked)
returning 1;

-- name: clean_session_changes
-- Long heard by every host that runs.
-- safe: yes
delete from session_changes where ctid = any (array(
	select ctid from session_changes
	where at < now() - interval '10 minutes'
	limit :limit::int for update skip locked))
returning 1;

-- name: clean_idempotency
-- safe: yes
delete from idempotency where key in (
	select key from idempotency
	where expires_at < now() - interval '1 minute'
	order by expires_at limit :limit::int for update skip locked)
returning 1;

-- name: clean_jobs_done
-- Done, with their attempts. Most of them anybody caused without an
-- account: no longer than a day.
-- safe: yes
delete from jobs where id in (
	select id from jobs
	where state = 'done' and finished_at < now() - interval '1 day'
	order by finished_at limit :limit::int for update skip locked)
returning 1;

-- name: clean_jobs_failed
-- Dead letters (row PV4: 30 days); what expired, or would have by then, is
-- of no use to send again, and most of it anybody caused: no longer than a
-- day.
-- safe: yes
delete from jobs where id in (
	select id from jobs
	where state in ('dead', 'expired')
	  and finished_at < now() - interval '1 day'
	  and (state = 'expired' or expires_at is not null
		or finished_at < now() - interval '30 days')
	order by finished_at limit :limit::int for update skip locked)
returning 1;

-- name: clean_webhook_deliveries
-- With their tries: what arrived is shown for a week, dead letters for 30
-- days (row PV4).
-- safe: yes
delete from webhook_deliveries where (webhook_id, id) in (
	select webhook_id, id from webhook_deliveries
	where state <> 'ready' and finished_at < now() - case state
		when 'done' then interval '7 days' else interval '30 days' end
	order by finished_at limit :limit::int for update skip locked)
returning 1;

-- name: clean_webhook_hosts
-- Shares that are whole again.
-- safe: yes
delete from webhook_host_shares where host in (
	select host from webhook_host_shares
	where spent_until < now() - interval '1 hour'
	order by spent_until limit :limit::int for update skip locked)
returning 1;

-- name: clean_kafka_dead
-- Events for Kafka: dead letters (row PV4), those of a reset link, which
-- anybody may ask for, no longer than a day; and what still waits 30 days
-- after it was switched off.
-- safe: yes
delete from kafka_outbox where id in (
	select id from kafka_outbox
	where state = 'dead' and finished_at < now() - case
		when expires_at is null then interval '30 days'
		else interval '1 day' end
	order by finished_at limit :limit::int for update skip locked)
returning 1;

-- name: clean_kafka_left
-- safe: yes
delete from kafka_outbox where id in (
	select id from kafka_outbox
	where state = 'ready' and created_at < now() - interval '30 days'
		and exists (select 1 from kafka_state where not enabled)
	limit :limit::int for update skip locked)
returning 1;

-- name: clean_recovery_requests
-- Recoveries, with their codes.
-- safe: yes
delete from recovery_requests where id in (
	select id from recovery_requests
	where expires_at < now() - interval '1 day'
	order by expires_at limit :limit::int for update skip locked)
returning 1;

-- name: clean_media
-- Objects that have gone from the store; within the hour they count for the
-- quota of their owner.
-- safe: yes
delete from media_objects where key in (
	select key from media_objects
	where state = 'gone' and created_at < now() - interval '1 hour'
	order by created_at limit :limit::int for update skip locked)
returning 1;

-- name: clean_erased
-- Accounts whose cool-off is over, and all that belongs to them; the audit
-- log keeps an id that is nobody's (row PV2).
-- safe: yes
with due as (
	select id from users
	where erase_at <= now() and (not 'super_admin' = any (roles)
		or exists (select 1 from users o where o.id <> users.id
			and o.is_active and 'super_admin' = any (o.roles)))
	order by erase_at limit :limit::int for update skip locked
), told as (
	-- use: audit_local(action => 'user.delete', resource => 'users',
	--	user => id, reason => 'erased')
	from due
)
delete from users where id in (select id from due) returning 1;
