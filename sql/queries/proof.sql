-- The proof of an address by the code that was mailed there.

-- name: proof_find
-- The live codes of an account, a row each, one without where there is none;
-- is the address the one it was registered with? 1 email
-- safe: yes
select u.id, u.is_verified, u.is_active,
	coalesce(u.full_name, u.first_name, u.username),
	u.address_at = u.created_at, o.id
from users u left join lateral (
	select id from one_time
	where user_id = u.id and purpose = 'verify' and used_at is null
		and voided_at is null and expires_at > now()
	order by created_at desc, id desc limit 20) o on true
where u.email = $1;

-- name: code_renew
-- A new verification code voids the old one (security row OT4).
-- 1 user id, 2 code id, 3 mac, 4 life µs, 5 attempts, 6 job id, 7 payload,
-- 8 purpose
with v as (
	update one_time set voided_at = now()
	where user_id = $1::uuid and purpose = $8 and used_at is null
		and voided_at is null
), o as (
	insert into one_time (id, user_id, purpose, destination, mac,
		max_attempts, expires_at)
	select $2::uuid, u.id, $8, u.email, $3::bytea, $5::integer,
		now() + $4::bigint * interval '1 microsecond'
	from users u where u.id = $1::uuid
	returning 1
), j as (
	insert into jobs (id, kind, payload, priority, expires_at)
	select $6::uuid, 'mail', $7::bytea, 0,
		now() + $4::bigint * interval '1 microsecond'
	from o
)
select count(*) from o;

-- name: proof_charge
-- Charge the attempt to all live codes before one is compared (security rows
-- OT1, OT4); the id of the one that was right, or null. No row: no attempt was
-- left. 1 codes, a JSON array of {id, mac}, 2 ip, 3 user agent, 4 request id
with c as (
	update one_time o set attempts = attempts + 1
	from json_to_recordset($1::json) t (id uuid, mac text)
	where o.id = t.id and purpose = 'verify' and used_at is null
		and voided_at is null and attempts < max_attempts
		and expires_at > now()
	returning o.id, user_id, o.mac = decode(t.mac, 'hex') as matched
), a as (
	insert into audit_logs (user_id, actor_id, action, resource, result,
		ip_address, user_agent, request_id)
	select user_id, user_id, 'auth.verify_email', 'users', 'failure',
		$2, $3, $4
	from c group by user_id having not bool_or(matched)
)
select (select id from c where matched limit 1)
from c limit 1;

-- name: registration_list
-- Later registrations of an account's address, or one of them. 1 user id,
-- 2 id or null for all
-- safe: yes
select id, password_hash from registrations
where user_id = $1::uuid and ($2::text is null or id = $2::uuid)
order by created_at limit 20;

-- name: proof_confirm
-- Use the code up: at most one succeeds (security row OT1). Who shows the
-- registration too keeps all that it made; with a later registration the
-- account becomes that one. The code alone proves the mailbox only: what was
-- made before goes, and where the password may be somebody else's it goes too
-- and a link to set one is mailed. No row: somebody was faster, by this code
-- or, of two who show their registrations at once, by the other one's. The
-- account is locked before a code: who proves it takes the other codes away.
-- 1 code id, 2 registration or the account's id, or null, 3 bootstrap admin
-- address, 4 link id, 5 its life µs, 6 mails of a welcome, 7 mails with the
-- link, 8 ip, 9 user agent, 10 request id
with c as (
	select u.id, u.address_at, u.verified_at is null as first,
		$2::text is null or r.id is not null as anew,
		$2::text is null and (u.contested
			or ($3 <> '' and u.email = fold_case($3))) as doubtful,
		r.username, r.password_hash, r.first_name, r.last_name,
		r.full_name, r.id as registration
	from one_time o join users u on u.id = o.user_id
			and u.email = o.destination
		left join registrations r on r.id = $2::uuid
			and r.user_id = u.id and u.verified_at is null
	where o.id = $1::uuid and (u.verified_at is null or not u.is_verified)
		and ($2::text is null or $2::uuid in (u.id, r.id))
	for no key update of u
), w as (
	update one_time set used_at = now() from c
	where one_time.id = $1::uuid and purpose = 'verify' and used_at is null
		and voided_at is null and expires_at > now()
	returning c.*
), u as (
	update users set is_verified = true, updated_at = now(),
		verified_at = coalesce(verified_at, now()), contested = false,
		username = case when w.registration is null or exists (
				select from users o where o.id <> w.id
				and fold_case(o.username) = fold_case(w.username))
			then users.username else w.username end,
		first_name = case when w.registration is null
			then users.first_name else w.first_name end,
		last_name = case when w.registration is null
			then users.last_name else w.last_name end,
		full_name = case when w.registration is null
			then users.full_name else w.full_name end,
		password_hash = case when w.registration is not null
			then w.password_hash when w.first and w.doubtful
			then null else users.password_hash end,
		password_changed_at = case when w.registration is not null
				or (w.first and w.doubtful)
			then now() else password_changed_at end
	from w where users.id = w.id
	returning users.id, users.email, w.address_at, w.first and w.anew
		as anew, w.first and w.doubtful as doubtful
), g as (
	delete from registrations using u where user_id = u.id
), l as (
	insert into one_time (id, user_id, purpose, destination, expires_at)
	select $4::uuid, u.id, 'reset', u.email,
		now() + $5::bigint * interval '1 microsecond'
	from u where u.doubtful
), j as (
	insert into jobs (id, kind, payload, priority, expires_at)
	select t.* from u cross join lateral job_drafts(
		case when u.doubtful then $7::json else $6::json end) t
), a as (
	insert into audit_logs (user_id, actor_id, action, resource, result,
		reason, ip_address, user_agent, request_id)
	select id, id, 'auth.verify_email', 'users', 'success',
		case when doubtful then 'password discarded'
			when anew then 'registration discarded' end,
		$8, $9, $10
	from u
)
select id, doubtful, case when anew
	then start_over(id, address_at, 'address proved') end
from u;
