-- name: account_register
-- The account, its role, its verification code, its first session, its mail
-- and its audit row, or nothing (security row RE2). With an id that is
-- there already the first try was committed (row RE8): this one only reads.
-- Verified without a mail is not proved: verified_at stays null.
-- int: numeric_id, session_numeric_id
with u as (
	insert into users (id, email, username, password_hash, first_name,
		last_name, full_name, is_verified, last_login_at)
	values (:id::uuid, :email, :username, :password_hash, :first_name,
		:last_name, :full_name, :verified::boolean,
		case when :session_id::text is not null then now() end)
	on conflict (id) do update set updated_at = users.updated_at
	returning *, xmax = 0 as made
), r as (
	insert into user_roles (user_id, role_id)
	select u.id, roles.id from u, roles where roles.name = :role and u.made
), o as (
	-- use: new_code(user => u.id, purpose => 'verify',
	--	destination => u.email)
	from u where :code_id::text is not null and u.made
), s as (
	-- use: begin_session(user => u.id, amr => 'pwd')
	from u where :session_id::text is not null and u.made
	returning numeric_id
), j as (
	-- use: send(from => u,
	--	drafts => case when u.made then :mails::json end)
), a as (
	-- use: audit(action => 'auth.register', resource => 'users',
	--	user => u.id)
	from u where u.made
)
select u.numeric_id, to_us(u.created_at) as created_at, coalesce(s.numeric_id,
	(select numeric_id from sessions where id = :session_id::uuid))
		as session_numeric_id
from u left join s on true;

-- name: account_contest
-- Somebody registers an address that has an account: while nobody has
-- proved it, the password of that account may be anybody's.
update users set contested = true
where email = :email and verified_at is null and not contested;

-- name: account_pretend
-- The number the registration would have had; is its name another
-- account's, and is it anybody's (security row LG3)?
-- int: last_number
-- bool: name_is_anothers, name_is_taken
-- safe: yes
select (select last_value from users_numeric_id_seq) as last_number,
	exists
		(select 1 from users
			where fold_case(username) = fold_case(:username)
		and email <> :email) as name_is_anothers,
	exists
		(select 1 from users
			where fold_case(username) = fold_case(:username))
				as name_is_taken;

-- name: account_register_again
-- Another registration of an address that was never verified stands beside
-- the one before, with a code of its own: whoever proves the address says
-- which is his (security row LG7). No row: it is verified, or an account
-- that was somebody's before was moved there. Beyond so many the answer is
-- the same and nothing is kept.
with u as (
	update users set contested = true
	where email = :email and not is_verified and is_active
	returning id, email, address_at = created_at as registered
), g as (
	insert into registrations (id, user_id, username, password_hash,
		first_name, last_name, full_name)
	select :id::uuid, u.id, :username, :password_hash, :first_name,
		:last_name, :full_name
	from u where u.registered and (select count(*) from registrations r
		where r.user_id = u.id) < :registrations_max::integer
	on conflict (id) do nothing
	returning user_id
), o as (
	-- use: new_code(user => u.id, purpose => 'verify',
	--	destination => u.email)
	from u join g on g.user_id = u.id
), j as (
	-- use: send(from => g)
), a as (
	-- use: audit(action => 'auth.register', resource => 'users',
	--	user => user_id, actor => null, reason => 'again')
	from g
)
select id from u where registered;

-- name: account_by_email
-- int: numeric_id
-- safe: yes
select id, numeric_id, username, case when verified_at is not null
	then coalesce(full_name, first_name, username) end as greeting,
	is_active, is_verified, email, verified_at is not null as is_proved
from users where email = :email;

-- name: account_profile
-- What an account shows of itself.
-- safe: yes
select -- use: account(of => users),
	password_hash
from users where id = :user_id::uuid;

-- name: account_profiles
-- The same of several, by ids and numeric ids; unknown ones are left out.
-- safe: yes
select -- use: account(of => users)
from users
where id = any (string_to_array(:ids, ',')::uuid[])
	or numeric_id = any (string_to_array(:numbers, ',')::bigint[]);

-- name: account_update
-- A profile merges: null keeps what is there, '' clears a name; the full
-- name follows the other two where it is not given.
with u as (
	update users set username = coalesce(:username, username),
		first_name = nullif(coalesce(:first_name::text, first_name),
		''),
		last_name = nullif(coalesce(:last_name::text, last_name), ''),
		full_name = nullif(case
			when :full_name::text is not null then :full_name
			when :first_name is null and :last_name is null
				then full_name
			else concat_ws(' ',
			nullif(coalesce(:first_name, first_name),
				''),
				nullif(coalesce(:last_name, last_name), ''))
			end, ''), updated_at = now()
	where id = :user_id::uuid
	returning id
), a as (
	-- use: audit(action => 'user.update', resource => 'users', user => id)
	from u
)
select id from u;
