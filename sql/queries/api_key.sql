-- name: api_key_find
-- A key by its public part, and what its owner must do first.
-- bytes: secret_hash, previous_hash
-- int: rate_limit, role_version
-- bool: alive, two_factor_enabled
-- safe: yes
select k.id, k.user_id, k.secret_hash,
	case when k.previous_until > now() then k.previous_hash end
		as previous_hash,
	array_to_string(k.scopes, ',') as scopes, k.rate_limit,
	array_to_string(k.allowed_ips, ',') as allowed_ips, k.name,
	key_lives(k, u) as alive,
	array_to_string(u.roles, ',') as roles,
	(select version from role_version) as role_version,
	u.two_factor_enabled, u.is_verified, k.last_used_at is null as unused
from api_keys k join users u on u.id = k.user_id
where k.key_id = :key_id;

-- name: api_key_refused
-- Written once an hour for a key and reason.
with k as (
	select id, user_id from api_keys where id = :id::uuid
), c as (
	select allowed from charge('refused:' || :id || ':' || :reason, 1,
		3600000000, 0)
)
-- use: audit(action => 'apikey.refused', resource => 'api_keys',
--	user => k.user_id, actor => null, result => 'failure',
--	reason => :reason)
from k, c where c.allowed;

-- name: api_key_damaged
-- What was sent as a key and is none, a row a minute and network.
with c as (
	select allowed from charge('refused:' || :network, 1, 60000000, 0)
)
-- use: audit(action => 'apikey.refused', resource => 'api_keys',
--	result => 'failure', reason => 'checksum')
from c where c.allowed;

-- name: api_key_used
-- Counts and last uses that a process gathered, in one statement; locked in
-- one order, so that two processes never wait for each other. Ids and uses are
-- comma separated.
with u as (
	select id::uuid, uses::bigint
	from unnest(string_to_array(:ids, ','), string_to_array(:uses, ','))
		as t (id, uses)
), k as (
	select api_keys.id, u.uses from api_keys join u on u.id = api_keys.id
	order by api_keys.id for update of api_keys
)
update api_keys set usage_count = usage_count + k.uses, last_used_at = now()
from k where api_keys.id = k.id;

-- name: api_key_create
-- No row: he has as many live ones as he may; two at once wait for each other.
-- Of revoked ones the last are kept, to tell who still tries them. With an id
-- that is there already the answer to the first try was lost (row RE8), and the
-- secret, which nobody saw, is replaced.
with u as materialized (
	select id from users where id = :user_id::uuid for no key update
), n as materialized (
	select id, live_api_keys(id, :id::uuid) as live from u
), k as (
	insert into api_keys (id, key_id, user_id, name, secret_hash, scopes,
		rate_limit, expires_at, allowed_ips)
	select :id::uuid, :key_id, n.id, :name, :secret_hash::bytea,
		coalesce(string_to_array(nullif(:scopes, ''), ','), '{}'),
		:rate_limit::integer, from_us(:expires_at::bigint),
		coalesce(string_to_array(nullif(:allowed_ips, ''), ','), '{}')
	from n where n.live < :keys_max::integer
	on conflict (id) do update set key_id = excluded.key_id,
		secret_hash = excluded.secret_hash
	returning id, created_at, xmax = 0 as made
), d as (
	delete from api_keys where id in (
		select id from api_keys
		where user_id = :user_id::uuid and not is_active
		order by created_at desc offset :keys_max::integer)
), a as (
	-- use: audit(action => 'apikey.create', resource => 'api_keys',
	--	user => :user_id::uuid)
	from k where made
)
select to_us(created_at) as created_at from k;

-- name: api_key_list
-- An id of null: all of them. One row at least, for the total.
-- int: rate_limit, usage_count, total
-- safe: yes
with found as (
	select * from api_keys
	where user_id = :user_id::uuid and is_active
		and (:id::text is null or id::text = :id)
)
select id, key_id, name, array_to_string(scopes, ',') as scopes, rate_limit,
	array_to_string(allowed_ips, ',') as allowed_ips, is_active,
	usage_count, to_us(last_used_at) as last_used_at,
	to_us(expires_at) as expires_at, to_us(created_at) as created_at,
	total.n as total
from (select count(*) as n from found) total left join (
	select * from found order by created_at desc, id desc
	limit :limit::integer offset :offset::integer) k on true
order by k.created_at desc, id desc;

-- name: api_key_revoke
with k as (
	update api_keys set is_active = false
	where user_id = :user_id::uuid and id::text = :id and is_active
	returning id
), a as (
	-- use: audit(action => 'apikey.revoke', resource => 'api_keys',
	--	user => :user_id::uuid)
	from k
)
select id from k;

-- name: api_key_rotate
-- The old secret lives on for the overlap (µs); the public part stays.
with k as (
	update api_keys set previous_hash = secret_hash,
		previous_until = now()
			+ :overlap::bigint * interval '1 microsecond',
		secret_hash = :secret_hash::bytea
	where user_id = :user_id::uuid and id::text = :id and is_active
	returning id
), a as (
	-- use: audit(action => 'apikey.rotate', resource => 'api_keys',
	--	user => :user_id::uuid)
	from k
)
select id from k;
