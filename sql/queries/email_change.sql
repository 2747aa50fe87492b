-- name: email_request
-- A new wish voids the one before (security row EC2). The old address may
-- take it back.
with v as (
	update one_time set voided_at = now()
	where user_id = :user_id::uuid and purpose = 'email'
		and used_at is null
		and voided_at is null
), o as (
	-- use: new_link(user => id, purpose => 'email', destination => :email)
	from users where id = :user_id::uuid and is_active
	returning user_id
), n as (
	-- use: new_undo(user => u.id, destination => u.email,
	--	proved_at => u.verified_at, since => u.address_at)
	from o join users u on u.id = o.user_id
), j as (
	-- use: send(from => o)
), a as (
	-- use: audit(action => 'email.change_request', resource => 'users',
	--	user => user_id)
	from o
)
select count(*) as requested from o;

-- name: email_find
-- Is this link live, and of this user (security row EC4)?
-- safe: yes
select o.destination, u.email
from one_time o join users u on u.id = o.user_id
where o.id = :link_id::uuid and o.user_id = :user_id::uuid
	and o.purpose = 'email'
	and o.used_at is null and o.voided_at is null and o.expires_at > now()
	and u.is_active;

-- name: email_confirm
-- The unique index decides between two who want the address (security row
-- EC3). Links and codes to the old address end. The session and the link
-- prove registration and address: everything stays.
with l as materialized (
	select id, verified_at, address_at from users
	where id = :user_id::uuid and is_active and email = :old_email
	for no key update
), w as (
	update one_time set used_at = now() from l
	where one_time.id = :link_id::uuid and user_id = l.id
		and purpose = 'email'
		and used_at is null and voided_at is null
		and expires_at > now()
	returning l.*, destination
), u as (
	update users set email = w.destination, is_verified = true,
		verified_at = now(), address_at = now(), contested = false,
		updated_at = now()
	from w where users.id = w.id
	returning users.id, w.verified_at as proved_at, w.address_at as since
), g as (
	delete from registrations using u where user_id = u.id
), v as (
	update one_time t set voided_at = now()
	from u where t.user_id = u.id and t.used_at is null
		and t.voided_at is null and t.id <> :link_id::uuid
		and t.purpose in ('email', 'reset', 'verify')
), n as (
	-- use: new_undo(user => u.id, destination => :old_email,
	--	proved_at => u.proved_at, since => u.since)
	from u
), j as (
	-- use: send(from => u)
), a as (
	-- use: audit(action => 'email.change', resource => 'users',
	--	user => id)
	from u
)
select id from u;

-- name: email_undo_find
-- Whose address is taken back, and who else is told.
-- bool: proved
-- safe: yes
select u.id as user_id, o.destination, t.name,
	nullif(array_to_string(array_remove(
	string_to_array(t.addresses, E'\n'), o.destination), E'\n'),
	'') as others,
	t.proved
from one_time o join users u on u.id = o.user_id
	join addressees t on t.user_id = u.id
where o.id = :undo_id::uuid and o.purpose = 'undo' and o.used_at is null
	and o.voided_at is null and o.expires_at > now() and u.is_active;

-- name: email_undo
-- The owner says no: the old address is back, whoever is inside is out,
-- what was made since the change was asked for goes, later changes and
-- their undo with it, and the password must be set anew by mail. Elder
-- rights to take an address back stay: the oldest wins. A link that went to
-- the address itself proves it; as the first proof of it, everything goes.
with l as materialized (
	select users.id from users join one_time o on o.user_id = users.id
	where o.id = :undo_id::uuid and o.purpose = 'undo'
	for no key update of users
), c as (
	update one_time set used_at = now() from l
	where one_time.id = :undo_id::uuid and user_id = l.id
		and purpose = 'undo' and used_at is null
		and voided_at is null and expires_at > now()
	returning user_id, destination, proved_at, since
), w as (
	select c.user_id, c.destination, c.since as address_at,
		coalesce(c.proved_at,
		case when :proves::boolean then now() end)
			as proved_at,
		(select min(case when c.proved_at is null
				and not :proves::boolean then o.created_at
				else coalesce(o.since, o.created_at) end)
			from one_time o
			where o.user_id = c.user_id and o.purpose = 'undo'
				and o.destination = c.destination
				and (o.id = :undo_id::uuid
					or (o.used_at is null
					and o.voided_at is null
					and o.expires_at > now()))) as since
	from c
), u as (
	update users set email = w.destination, password_hash = null,
		password_changed_at = now(), contested = false,
		is_verified = w.proved_at is not null,
		verified_at = w.proved_at, erase_at = null,
		address_at = coalesce(w.address_at, users.address_at),
		updated_at = now()
	from w where users.id = w.user_id and is_active
	returning users.id, w.since
), g as (
	delete from registrations using u where user_id = u.id
), j as (
	-- use: send(from => u)
), a as (
	-- use: audit(action => 'email.change', resource => 'users',
	--	user => id, actor => null, reason => 'undone')
	from u
)
select id, start_over(id, since, 'address restored') as started_over from u;
