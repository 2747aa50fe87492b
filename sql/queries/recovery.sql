-- name: recovery_list
-- A user's own methods, or one of them. 1 user id, 2 id or null for all
-- safe: yes
select id, type, value, to_us(verified_at), to_us(created_at)
from recovery_methods
where user_id = $1::uuid and ($2::text is null or id::text = $2)
order by created_at, id;

-- name: recovery_add
-- A method and the code that proves it; adding it again before that sends
-- another code. No row: it is proved already, or there are too many.
-- 1 user id, 2 method id, 3 type, 4 value, 5 methods at most, 6 code id,
-- 7 code mac, 8 life µs, 9 attempts, 10 messages, 11 ip, 12 user agent,
-- 13 request id
with m as (
	insert into recovery_methods as r (id, user_id, type, value)
	select $2::uuid, $1::uuid, $3, $4
	where (select count(*) from recovery_methods
		where user_id = $1::uuid) < $5::integer
	on conflict (user_id, type, value) do update set created_at = now()
		where r.verified_at is null
	returning r.id, r.user_id, r.created_at
), v as (
	update one_time set voided_at = now()
	from m where one_time.user_id = m.user_id
		and purpose = 'recovery-method' and destination = $4
		and used_at is null and voided_at is null
), o as (
	insert into one_time (id, user_id, purpose, destination, mac,
		max_attempts, expires_at)
	select $6::uuid, m.user_id, 'recovery-method', $4, $7::bytea,
		$9::integer, now() + $8::bigint * interval '1 microsecond'
	from m
), j as (
	insert into jobs (id, kind, payload, priority, expires_at)
	select t.* from m, job_drafts($10::json) t
), a as (
	insert into audit_logs (user_id, actor_id, action, resource, result,
		reason, ip_address, user_agent, request_id)
	select user_id, user_id, 'recovery.add', 'recovery_methods',
		'success', $3, $11, $12, $13
	from m
)
select id, to_us(created_at) from m;

-- name: recovery_code_find
-- The live code of a method. 1 user id, 2 method id
-- safe: yes
select o.id from recovery_methods m
	join one_time o on o.user_id = m.user_id
		and o.purpose = 'recovery-method' and o.destination = m.value
where m.user_id = $1::uuid and m.id::text = $2 and o.used_at is null
	and o.voided_at is null and o.expires_at > now();

-- name: recovery_verify
-- Charged, compared and used in one statement (security rows OT1, OT4). What is
-- proved anew forgives the failures of recoveries.
-- 1 user id, 2 method id, 3 code id, 4 mac, 5 ip, 6 user agent, 7 request id
with c as (
	update one_time set attempts = attempts + 1,
		used_at = case when mac = $4::bytea then now() end
	where id = $3::uuid and user_id = $1::uuid and used_at is null
		and purpose = 'recovery-method' and voided_at is null
		and attempts < max_attempts and expires_at > now()
	returning destination, used_at is not null as matched
), m as (
	update recovery_methods r set verified_at = now()
	from c where c.matched and r.user_id = $1::uuid and r.id::text = $2
		and r.value = c.destination
	returning r.id
), u as (
	update users set recovery_failures = 0
	from m where users.id = $1::uuid and recovery_failures > 0
), a as (
	insert into audit_logs (user_id, actor_id, action, resource, result,
		ip_address, user_agent, request_id)
	select $1::uuid, $1::uuid, 'recovery.verify', 'recovery_methods',
		case when m.id is not null then 'success' else 'failure' end,
		$5, $6, $7
	from c left join m on true
)
select id from m;

-- name: recovery_remove
-- 1 user id, 2 method id, 3 messages, 4 ip, 5 user agent, 6 request id
with m as (
	delete from recovery_methods
	where user_id = $1::uuid and id::text = $2
	returning user_id, value
), v as (
	update one_time set voided_at = now()
	from m where one_time.user_id = m.user_id and destination = m.value
		and purpose in ('recovery', 'recovery-method')
		and used_at is null and voided_at is null
), j as (
	insert into jobs (id, kind, payload, priority, expires_at)
	select t.* from m, job_drafts($3::json) t
), a as (
	insert into audit_logs (user_id, actor_id, action, resource, result,
		ip_address, user_agent, request_id)
	select user_id, user_id, 'recovery.remove', 'recovery_methods',
		'success', $4, $5, $6
	from m
)
select count(*) from m having count(*) > 0;

-- name: recovery_begin
-- Whose account is meant, and its proved methods. 1 e-mail address or user
-- name, 2 method id or type, or null for all
-- safe: yes
select u.id, case when u.verified_at is not null
		then coalesce(u.full_name, u.first_name, u.username) end,
	m.type, m.value
from users u join recovery_methods m on m.user_id = u.id
where u.id = (select id from users
		where email = $1 or fold_case(username) = $1
		order by (email = $1) desc limit 1)
	and u.is_active and u.recovery_failures < 100
	and m.verified_at is not null
	and ($2::text is null or m.id::text = $2 or m.type = $2)
order by m.created_at;

-- name: recovery_start
-- A new request ends the one before. 1 request id, 2 user id, 3 life µs,
-- 4 codes, 5 messages, 6 ip, 7 user agent, 8 request id of HTTP
with old as (
	update recovery_requests set used_at = now()
	where user_id = $2::uuid and used_at is null
), q as (
	insert into recovery_requests (id, user_id, expires_at)
	select $1::uuid, id, now() + $3::bigint * interval '1 microsecond'
	from users where id = $2::uuid and is_active
	returning id, user_id, expires_at
), o as (
	insert into one_time (id, user_id, purpose, destination, mac,
		max_attempts, expires_at, request_id)
	select c.id, q.user_id, 'recovery', c.destination,
		decode(c.mac, 'hex'), 5, q.expires_at, q.id
	from q, json_to_recordset($4::json)
		c (id uuid, destination text, mac text)
), j as (
	insert into jobs (id, kind, payload, priority, expires_at)
	select t.* from q, job_drafts($5::json) t
), a as (
	insert into audit_logs (user_id, action, resource, result, ip_address,
		user_agent, request_id)
	select user_id, 'recovery.start', 'users', 'success', $6, $7, $8
	from q
)
select count(*) from q;

-- name: recovery_charge
-- So many tries, charged to the request and to the account before anything is
-- compared (security rows RC2, RL4); a row for each code. 1 request id, 2 tries
with q as (
	update recovery_requests set attempts = attempts + $2::integer
	where id = $1::uuid and used_at is null
		and attempts + $2::integer <= 5 and expires_at > now()
	returning id, user_id
), u as (
	update users set recovery_failures = recovery_failures + $2::integer
	from q where users.id = q.user_id and is_active
		and recovery_failures < 100
	returning users.id, email, username, two_factor_enabled,
		recovery_failures
)
select u.id, u.email, u.username, u.two_factor_enabled, o.id, o.mac,
	u.recovery_failures >= 100
from q join u on u.id = q.user_id
	join one_time o on o.request_id = q.id
where o.used_at is null and o.voided_at is null and o.expires_at > now();

-- name: recovery_refused
-- 1 user id, 2 reason, 3 ip, 4 user agent, 5 request id, 6 messages or null
with j as (
	insert into jobs (id, kind, payload, priority, expires_at)
	select * from job_drafts($6::json)
)
insert into audit_logs (user_id, action, resource, result, reason,
	ip_address, user_agent, request_id)
values ($1::uuid, 'recovery.confirm', 'users', 'failure', $2, $3, $4, $5);

-- name: recovery_confirm
-- One of many gets through; everything that was open ends, the second factor
-- stays (security rows RC1, RC3), unless nobody has proved the address of the
-- account yet: what was made before goes. 1 request id, 2 code id, 3 new hash,
-- 4 messages, 5 ip, 6 user agent, 7 request id of HTTP
with q as (
	update recovery_requests set used_at = now()
	where id = $1::uuid and used_at is null and expires_at > now()
	returning user_id
), c as (
	update one_time set used_at = now()
	from q where one_time.id = $2::uuid and request_id = $1::uuid
		and one_time.user_id = q.user_id and used_at is null
		and voided_at is null
	returning one_time.user_id, one_time.destination
), w as (
	select u.id, u.address_at, u.verified_at is null as first,
		u.email = c.destination as proved
	from c join users u on u.id = c.user_id
	where u.is_active
	for no key update of u
), u as (
	update users set password_hash = $3, password_changed_at = now(),
		must_reset_password = false, updated_at = now(),
		recovery_failures = 0,
		is_verified = is_verified or w.proved,
		verified_at = coalesce(verified_at,
			case when w.proved then now() end)
	from w where users.id = w.id
	returning users.id, w.first, w.address_at
), l as (
	delete from attempts using u
	where bucket = 'login.all:' || u.id
		or (bucket >= 'login:' || u.id || ':'
			and bucket < 'login:' || u.id || ';')
), j as (
	insert into jobs (id, kind, payload, priority, expires_at)
	select t.* from u, job_drafts($4::json) t
), a as (
	insert into audit_logs (user_id, actor_id, action, resource, result,
		reason, ip_address, user_agent, request_id)
	select id, id, 'password.reset', 'users', 'success', 'recovery', $5,
		$6, $7
	from u
)
select id, start_over(id, case when first then address_at end, 'recovery')
from u;
