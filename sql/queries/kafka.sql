-- Events for Kafka; see sql/schema/0050_kafka.sql.

-- name: kafka_switch
-- From here on they are written, or no longer. A row: that was another word
-- than before.
-- bool: enabled
-- safe: yes
update kafka_state set enabled = :enabled::boolean
where enabled is distinct from :enabled::boolean
returning enabled;

-- name: kafka_lease
-- Be the one who publishes for :lease µs. No row: somebody else is.
-- bool: enabled
-- safe: yes
update kafka_state set lease_token = :token::uuid,
	lease_holder = :holder::uuid,
	lease_until = now() + :lease::bigint * interval '1 microsecond'
where lease_token is not distinct from :token::uuid
	or lease_until is null or lease_until <= now()
returning enabled;

-- name: kafka_release
-- Let another one publish.
-- safe: yes
update kafka_state set lease_token = null, lease_holder = null,
	lease_until = null
where lease_token = :token::uuid;

-- name: kafka_release_holder
-- The same for a holder who is dead.
-- safe: yes
update kafka_state set lease_token = null, lease_holder = null,
	lease_until = null
where lease_holder = :holder::uuid;

-- name: kafka_next
-- The oldest :limit events of a topic, for who has the lease :token.
-- int: attempts
-- safe: yes
select o.id, o.event, o.user_id, o.email, o.subject, o.method, o.link_id,
	o.object,
	to_char(o.expires_at at time zone 'UTC',
	'YYYY-MM-DD"T"HH24:MI:SS"Z"') as expires_at,
	to_char(o.created_at at time zone 'UTC',
	'YYYY-MM-DD"T"HH24:MI:SS"Z"') as created_at,
	o.attempts
from (
	select * from kafka_outbox
	where state = 'ready' and topic = :topic
		and exists (select 1 from kafka_state
			where lease_token = :token::uuid)
	order by seq limit :limit::integer) o
order by o.seq;

-- name: kafka_published
-- The broker has them. Whoever says so: it is true.
-- safe: yes
delete from kafka_outbox
where id = any (string_to_array(:ids, ',')::uuid[]);

-- name: kafka_failed
-- The broker did not take one.
-- safe: yes
update kafka_outbox set attempts = :attempts::integer, error = :error,
	state = case when :dead::boolean then 'dead' else 'ready' end,
	finished_at = case when :dead::boolean then now() end
where id = :id::uuid and state = 'ready';

-- name: kafka_health
-- For /metrics: waiting (counted to a thousand), age of the oldest µs, dead
-- letters (to a thousand), and are events written?
-- int: waiting, oldest, dead
-- bool: enabled
-- safe: yes
select (select count(*) from (select 1 from kafka_outbox
		where state = 'ready' limit 1000) waiting) as waiting,
	coalesce((select max(to_us(now()) - to_us(created_at)) from (
		select (select created_at from kafka_outbox
			where state = 'ready' and topic = t.name
			order by seq limit 1) as created_at
		from unnest(array['user-events', 'auth-events',
			'media-events']) t (name)) oldest), 0) as oldest,
	(select count(*) from (select 1 from kafka_outbox
		where state = 'dead' limit 1000) dead) as dead,
	(select enabled from kafka_state) as enabled;

-- name: kafka_list
-- For posternctl kafka list:
-- int: attempts
select id, topic, event, user_id, state, attempts,
	to_us(created_at) as created_at,
	to_us(finished_at) as finished_at, error
from kafka_outbox
where :state::text is null or state = :state
order by seq limit :limit::integer;

-- name: kafka_retry
-- For posternctl kafka retry: a dead letter, or all when :id is null.
update kafka_outbox set state = 'ready', attempts = 0, finished_at = null
where state = 'dead' and (:id::uuid is null or id = :id::uuid)
returning id;

-- name: kafka_stats
-- For posternctl kafka stats: of each topic waiting, age of the oldest µs,
-- dead.
-- int: waiting, oldest, dead
-- bool: enabled
-- safe: yes
select t.name as topic,
	count(o.id) filter (where o.state = 'ready') as waiting,
	coalesce(to_us(now()) - to_us(min(o.created_at)
		filter (where o.state = 'ready')), 0) as oldest,
	count(o.id) filter (where o.state = 'dead') as dead,
	(select enabled from kafka_state) as enabled
from unnest(array['user-events', 'auth-events', 'media-events'])
	with ordinality t (name, n)
	left join kafka_outbox o on o.topic = t.name
group by t.name, t.n order by t.n;
