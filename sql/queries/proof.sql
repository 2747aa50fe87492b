-- The proof of an address by the code that was mailed there.

-- name: proof_find
-- The live codes of an account, a row each, one without where there is
-- none; is the address the one it was registered with?
-- safe: yes
select u.id as user_id, u.is_verified, u.is_active,
	coalesce(u.full_name, u.first_name, u.username) as greeting,
	u.address_at = u.created_at as is_first_address, o.id as code_id
from users u left join lateral (
	select id from one_time
	where user_id = u.id and purpose = 'verify' and used_at is null
		and voided_at is null and expires_at > now()
	order by created_at desc, id desc limit 20) o on true
where u.email = :email;

-- name: code_renew
-- A new verification code voids the old one (security row OT4).
with v as (
	update one_time set voided_at = now()
	where user_id = :user_id::uuid and purpose = :purpose
		and used_at is null
		and voided_at is null
), o as (
	-- use: new_code(user => u.id, purpose => :purpose,
	--	destination => u.email)
	from users u where u.id = :user_id::uuid
	returning 1
), j as (
	-- use: send_sealed(expires_at =>
	--	now() + :code_life::bigint * interval '1 microsecond')
	from o
)
select count(*) as renewed from o;

-- name: proof_charge
-- Charge the attempt to all live codes before one is compared (security
-- rows OT1, OT4); the id of the one that was right, or null. No row: no
-- attempt was left. :codes is a JSON array of {id, mac}.
with c as (
	update one_time o set attempts = attempts + 1
	from json_to_recordset(:codes::json) t (id uuid, mac text)
	where o.id = t.id and purpose = 'verify' and used_at is null
		and voided_at is null and attempts < max_attempts
		and expires_at > now()
	returning o.id, user_id, o.mac = decode(t.mac, 'hex') as matched
), a as (
	-- use: audit(action => 'auth.verify_email', resource => 'users',
	--	user => user_id, result => 'failure')
	from c group by user_id having not bool_or(matched)
)
select (select id from c where matched limit 1) as id
from c limit 1;

-- name: registration_list
-- Later registrations of an account's address, or one of them.
-- safe: yes
select id, password_hash from registrations
where user_id = :user_id::uuid and (:id::text is null or id = :id::uuid)
order by created_at limit 20;

-- name: proof_confirm
-- Use the code up: at most one succeeds (security row OT1). Who shows the
-- registration too keeps all that it made; with a later registration the
-- account becomes that one. The code alone proves the mailbox only: what
-- was made before goes, and where the password may be somebody else's it
-- goes too and a link to set one is mailed. No row: somebody was faster, by
-- this code or, of two who show their registrations at once, by the other
-- one's. The account is locked before a code: who proves it takes the other
-- codes away. :registration_id is the account's own id for the first one,
-- null: the code alone.
-- bool: doubtful
with c as (
	select u.id, u.address_at, u.verified_at is null as first,
		:registration_id::text is null or r.id is not null as anew,
		:registration_id::text is null and (u.contested
			or (:admin_email <> ''
				and u.email = fold_case(:admin_email)))
					as doubtful,
		r.username, r.password_hash, r.first_name, r.last_name,
		r.full_name, r.id as registration
	from one_time o join users u on u.id = o.user_id
			and u.email = o.destination
		left join registrations r on r.id = :registration_id::uuid
			and r.user_id = u.id and u.verified_at is null
	where o.id = :code_id::uuid
		and (u.verified_at is null or not u.is_verified)
		and (:registration_id::text is null
			or :registration_id::uuid in (u.id, r.id))
	for no key update of u
), w as (
	update one_time set used_at = now() from c
	where one_time.id = :code_id::uuid and purpose = 'verify'
		and used_at is null
		and voided_at is null and expires_at > now()
	returning c.*
), u as (
	update users set is_verified = true, updated_at = now(),
		verified_at = coalesce(verified_at, now()), contested = false,
		username = case when w.registration is null or exists (
				select from users o where o.id <> w.id
				and fold_case(o.username)
					= fold_case(w.username))
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
	-- use: new_link(user => u.id, purpose => 'reset', destination => u.email)
	from u where u.doubtful
), j as (
	-- use: send(from => u,
	--	drafts => case when u.doubtful then :link_mails::json
	--	else :welcome_mails::json end)
), a as (
	-- use: audit(action => 'auth.verify_email', resource => 'users',
	--	user => id,
	--	reason => case when doubtful then 'password discarded'
	--	when anew then 'registration discarded' end)
	from u
)
select id, doubtful, case when anew
	then start_over(id, address_at, 'address proved') end as started_over
from u;
