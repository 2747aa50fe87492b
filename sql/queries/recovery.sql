-- name: recovery_list
-- A user's own methods, or one of them.
-- safe: yes
select id, type, value, to_us(verified_at) as verified_at,
	to_us(created_at) as created_at
from recovery_methods
where user_id = :user_id::uuid and (:id::text is null or id::text = :id)
order by created_at, id;

-- name: recovery_add
-- A method and the code that proves it; adding it again before that sends
-- another code. No row: it is proved already, or there are too many.
with m as (
	insert into recovery_methods as r (id, user_id, type, value)
	select :method_id::uuid, :user_id::uuid, :type, :value
	where (select count(*) from recovery_methods
		where user_id = :user_id::uuid) < :methods_max::integer
	on conflict (user_id, type, value) do update set created_at = now()
		where r.verified_at is null
	returning r.id, r.user_id, r.created_at
), v as (
	update one_time set voided_at = now()
	from m where one_time.user_id = m.user_id
		and purpose = 'recovery-method' and destination = :value
		and used_at is null and voided_at is null
), o as (
	-- use: new_code(user => m.user_id, purpose => 'recovery-method',
	--	destination => :value)
	from m
), j as (
	-- use: send(from => m)
), a as (
	-- use: audit(action => 'recovery.add', resource => 'recovery_methods',
	--	user => user_id, reason => :type)
	from m
)
select id, to_us(created_at) as created_at from m;

-- name: recovery_code_find
-- The live code of a method.
-- safe: yes
select o.id from recovery_methods m
	join one_time o on o.user_id = m.user_id
		and o.purpose = 'recovery-method' and o.destination = m.value
where m.user_id = :user_id::uuid and m.id::text = :method_id
	and o.used_at is null
	and o.voided_at is null and o.expires_at > now();

-- name: recovery_verify
-- Charged, compared and used in one statement (security rows OT1, OT4).
-- What is proved anew forgives the failures of recoveries.
with l as materialized (
	select id from users where id = :user_id::uuid for no key update
), c as (
	update one_time set attempts = attempts + 1,
		used_at = case when mac = :mac::bytea then now() end
	from l where one_time.id = :code_id::uuid and user_id = l.id
		and used_at is null
		and purpose = 'recovery-method' and voided_at is null
		and attempts < max_attempts and expires_at > now()
	returning destination, used_at is not null as matched
), m as (
	update recovery_methods r set verified_at = now()
	from c where c.matched and r.user_id = :user_id::uuid
		and r.id::text = :method_id
		and r.value = c.destination
	returning r.id
), u as (
	update users set recovery_failures = 0
	from m where users.id = :user_id::uuid and recovery_failures > 0
), a as (
	-- use: audit(action => 'recovery.verify',
	--	resource => 'recovery_methods', user => :user_id::uuid,
	--	result => case when m.id is not null then 'success' else 'failure' end)
	from c left join m on true
)
select id from m;

-- name: recovery_remove
with m as (
	delete from recovery_methods
	where user_id = :user_id::uuid and id::text = :method_id
	returning user_id, value
), v as (
	update one_time set voided_at = now()
	from m where one_time.user_id = m.user_id and destination = m.value
		and purpose in ('recovery', 'recovery-method')
		and used_at is null and voided_at is null
), j as (
	-- use: send(from => m)
), a as (
	-- use: audit(action => 'recovery.remove',
	--	resource => 'recovery_methods', user => user_id)
	from m
)
select count(*) as removed from m having count(*) > 0;

-- name: recovery_begin
-- Whose account is meant, and its proved methods. :identifier is an address
-- or user name, :any_type the id or type of a method, or null for all.
-- safe: yes
select u.id as user_id, case when u.verified_at is not null
		then coalesce(u.full_name, u.first_name,
			u.username) end as greeting,
	m.type, m.value
from users u join recovery_methods m on m.user_id = u.id
where u.id = (select id from users
		where email = :identifier or fold_case(username) = :identifier
		order by (email = :identifier) desc limit 1)
	and u.is_active
	and u.recovery_failures < :failures_max::integer
	and m.verified_at is not null
	and (:any_type::text is null or m.id::text = :any_type
		or m.type = :any_type)
order by m.created_at;

-- name: recovery_start
-- A new request ends the one before.
with old as (
	update recovery_requests set used_at = now()
	where user_id = :user_id::uuid and used_at is null
), q as (
	insert into recovery_requests (id, user_id, expires_at)
	select :recovery_id::uuid, id,
		now() + :life::bigint * interval '1 microsecond'
	from users where id = :user_id::uuid and is_active
	returning id, user_id, expires_at
), o as (
	insert into one_time (id, user_id, purpose, destination, mac,
		max_attempts, expires_at, request_id)
	select c.id, q.user_id, 'recovery', c.destination,
		decode(c.mac, 'hex'), 5, q.expires_at, q.id
	from q, json_to_recordset(:codes::json)
		c (id uuid, destination text, mac text)
), j as (
	-- use: send(from => q)
), a as (
	-- use: audit(action => 'recovery.start', resource => 'users',
	--	user => user_id, actor => null)
	from q
)
select count(*) as started from q;

-- name: recovery_charge
-- So many tries, charged to the request and to the account before anything
-- is compared (security rows RC2, RL4); a row for each code.
-- bool: two_factor_enabled, locked
-- bytes: mac
with l as materialized (
	select u.id from recovery_requests r join users u on u.id = r.user_id
	where r.id = :recovery_id::uuid
	for no key update of u
), q as (
	update recovery_requests set attempts = attempts +
		:attempts_max::integer
	from l where recovery_requests.id = :recovery_id::uuid
		and user_id = l.id and used_at is null
		and attempts + :attempts_max::integer <= 5
			and expires_at > now()
	returning recovery_requests.id, user_id
), u as (
	update users set recovery_failures = recovery_failures +
		:attempts_max::integer
	from q where users.id = q.user_id and is_active
		and recovery_failures < :failures_max::integer
	returning users.id, email, username, two_factor_enabled,
		recovery_failures
)
select u.id as user_id, u.email, u.username, u.two_factor_enabled,
	o.id as code_id, o.mac,
	u.recovery_failures >= :failures_max::integer as locked
from q join u on u.id = q.user_id
	join one_time o on o.request_id = q.id
where o.used_at is null and o.voided_at is null and o.expires_at > now();

-- name: recovery_refused
with j as (
	-- use: send()
)
-- use: audit(action => 'recovery.confirm', resource => 'users',
--	user => :user_id::uuid, actor => null, result => 'failure',
--	reason => :reason);

-- name: recovery_confirm
-- One of many gets through; everything that was open ends, the second
-- factor stays (security rows RC1, RC3), unless nobody has proved the
-- address of the account yet: what was made before goes.
with l as materialized (
	select u.id, u.address_at, u.verified_at is null as first, u.email
	from recovery_requests r join users u on u.id = r.user_id
	where r.id = :recovery_id::uuid and u.is_active
	for no key update of u
), q as (
	update recovery_requests set used_at = now()
	from l where recovery_requests.id = :recovery_id::uuid
		and user_id = l.id and used_at is null
		and expires_at > now()
	returning l.*
), w as (
	update one_time set used_at = now()
	from q where one_time.id = :code_id::uuid
		and request_id = :recovery_id::uuid
		and one_time.user_id = q.id and used_at is null
		and voided_at is null
	returning q.*, q.email = one_time.destination as proved
), u as (
	update users set password_hash = :new_hash,
		password_changed_at = now(),
		must_reset_password = false, updated_at = now(),
		recovery_failures = 0,
		is_verified = is_verified or w.proved,
		verified_at = coalesce(verified_at,
			case when w.proved then now() end)
	from w where users.id = w.id
	returning users.id, w.first, w.address_at
), hk as (
	-- use: keep_password(of => u)
), hd as (
	-- use: drop_passwords(of => u)
), t as (
	delete from attempts using u
	where bucket = 'login.all:' || u.id
		or (bucket >= 'login:' || u.id || ':'
			and bucket < 'login:' || u.id || ';')
), j as (
	-- use: send(from => u)
), a as (
	-- use: audit(action => 'password.reset', resource => 'users',
	--	user => id, reason => 'recovery')
	from u
)
select id,
	start_over(id, case when first then address_at end,
	'recovery') as started_over
from u;
