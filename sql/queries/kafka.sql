-- Events for Kafka; see sql/schema/0050_kafka.sql.

-- From here on they are written, or no longer. 1 kafka.enabled. A row: that
-- was another word than before.
-- name: kafka_switch
-- safe: yes
update kafka_state set enabled = $1::boolean
where enabled is distinct from $1::boolean
returning enabled;

-- Be the one who publishes for $3 µs: 1 token of this lease, 2 holder. No row:
-- somebody else is.
-- name: kafka_lease
-- safe: yes
update kafka_state set lease_token = $1::uuid, lease_holder = $2::uuid,
	lease_until = now() + $3::bigint * interval '1 microsecond'
where lease_token is not distinct from $1::uuid
	or lease_until is null or lease_until <= now()
returning enabled;

-- 1 token. Let another one publish.
-- name: kafka_release
-- safe: yes
update kafka_state set lease_token = null, lease_holder = null,
	lease_until = null
where lease_token = $1::uuid;

-- The same for a holder who is dead.
-- name: kafka_release_holder
-- safe: yes
update kafka_state set lease_token = null, lease_holder = null,
	lease_until = null
where lease_holder = $1::uuid;

-- The oldest $2 events of a topic, for who has the lease $3.
-- name: kafka_next
-- safe: yes
select o.id, o.event, o.user_id, o.email, o.subject, o.method, o.link_id,
	to_char(o.expires_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
	to_char(o.created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
	o.attempts
from (
	select * from kafka_outbox
	where state = 'ready' and topic = $1
		and exists (select 1 from kafka_state
			where lease_token = $3::uuid)
	order by seq limit $2::integer) o
order by o.seq;

-- The broker has them. Whoever says so: it is true. 1 ids, comma separated
-- name: kafka_published
-- safe: yes
delete from kafka_outbox
where id = any (string_to_array($1, ',')::uuid[]);

-- The broker did not take one. 1 id, 2 attempts that count, 3 why, 4 is it
-- given up?
-- name: kafka_failed
-- safe: yes
update kafka_outbox set attempts = $2::integer, error = $3,
	state = case when $4::boolean then 'dead' else 'ready' end,
	finished_at = case when $4::boolean then now() end
where id = $1::uuid and state = 'ready';

-- For /metrics: waiting (counted to a thousand), age of the oldest µs, dead
-- letters (to a thousand), and are events written?
-- name: kafka_health
-- safe: yes
select (select count(*) from (select 1 from kafka_outbox
		where state = 'ready' limit 1000) waiting),
	coalesce((select max(to_us(now()) - to_us(created_at)) from (
		select (select created_at from kafka_outbox
			where state = 'ready' and topic = t.name
			order by seq limit 1) as created_at
		from unnest(array['user-events', 'auth-events',
			'media-events']) t (name)) oldest), 0),
	(select count(*) from (select 1 from kafka_outbox
		where state = 'dead' limit 1000) dead),
	(select enabled from kafka_state);

-- For posternctl kafka list: 1 state or null, 2 limit, oldest first.
-- name: kafka_list
select id, topic, event, user_id, state, attempts, to_us(created_at),
	to_us(finished_at), error
from kafka_outbox
where $1::text is null or state = $1
order by seq limit $2::integer;

-- For posternctl kafka retry: a dead letter, or all when $1 is null.
-- name: kafka_retry
update kafka_outbox set state = 'ready', attempts = 0, finished_at = null
where state = 'dead' and ($1::uuid is null or id = $1::uuid)
returning id;

-- For posternctl kafka stats: of each topic waiting, age of the oldest µs,
-- dead.
-- name: kafka_stats
-- safe: yes
select t.name, count(o.id) filter (where o.state = 'ready'),
	coalesce(to_us(now()) - to_us(min(o.created_at)
		filter (where o.state = 'ready')), 0),
	count(o.id) filter (where o.state = 'dead'),
	(select enabled from kafka_state)
from unnest(array['user-events', 'auth-events', 'media-events'])
	with ordinality t (name, n)
	left join kafka_outbox o on o.topic = t.name
group by t.name, t.n order by t.n;
