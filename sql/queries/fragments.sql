-- Text that several statements share; sql/gen-queries.awk tells how it is used.

-- fragment: audit(action, resource, user => null, actor => {user},
--	result => 'success', reason => null)
-- A row of the audit log for each row of what follows the use ("from u").
-- Who did it is the user himself where nothing else is said. The last three
-- parameters are C's REQUESTER(x).
insert into audit_logs (user_id, actor_id, action, resource, result, reason,
	ip_address, user_agent, request_id)
select {user}, {actor}, {action}, {resource}, {result}, {reason},
	:ip_address, :user_agent, :request_id

-- fragment: audit_decision(action, resource, user => null, reason => null)
-- The same where a CTE decided whether :actor_id may do it: it has "allowed".
-- use: audit(action => {action}, resource => {resource}, user => {user},
--	actor => :actor_id::uuid, reason => {reason},
--	result => case when allowed then 'success' else 'failure' end)

-- fragment: audit_local(action, resource, user => null, reason => 'posternctl')
-- The same for what no request did: a program of the operator, the worker.
insert into audit_logs (user_id, action, resource, result, reason)
select {user}, {action}, {resource}, 'success', {reason}

-- fragment: decision(ended => 0, started_over => null)
-- What an administrator's change answers, where a CTE "ok" decided; a change
-- may tell how many sessions ended, and may start the account over.
-- row: decision
select allowed as is_allowed, ({ended})::bigint as ended,
	{started_over} as started_over
from ok

-- fragment: role_change(from, also => true)
-- Whose role is to change, and whether :actor_id may do it. The role by
-- :role_id or, where that is null, :role_name.
select u.id as user_id, r.id as role_id, r.name,
	holds(:actor_id::uuid, 'roles.assign')
	and covers_role(:actor_id::uuid, r.id)
	and covers_user(:actor_id::uuid, u.id) as allowed
from {from}
where u.id = :user_id::uuid and {also}
	and (r.id = :role_id::uuid or r.name = :role_name::text)

-- fragment: begin_session(user, amr)
-- A session that begins with what follows; it ends after :idle µs without use,
-- and after :life µs.
insert into sessions (id, user_id, ip_address, user_agent, expires_at,
	absolute_expires_at, amr)
select :session_id::uuid, {user}, :ip_address, :user_agent,
	now() + least(:idle::bigint, :life::bigint) * interval '1 microsecond',
	now() + :life::bigint * interval '1 microsecond', {amr}

-- fragment: new_code(user, purpose, destination)
-- A code that is compared by its MAC, and lives for :code_life µs.
insert into one_time (id, user_id, purpose, destination, mac, max_attempts,
	expires_at)
select :code_id::uuid, {user}, {purpose}, {destination}, :code_mac::bytea,
	:code_attempts::integer,
	now() + :code_life::bigint * interval '1 microsecond'

-- fragment: new_link(user, purpose, destination)
-- A link that is mailed, and lives for :life µs.
insert into one_time (id, user_id, purpose, destination, expires_at)
select :link_id::uuid, {user}, {purpose}, {destination},
	now() + :life::bigint * interval '1 microsecond'

-- fragment: new_undo(user, destination, proved_at, since)
-- A link that gives an account the address back which it had, proved or not,
-- for :undo_life µs.
insert into one_time (id, user_id, purpose, destination, proved_at, since,
	expires_at)
select :undo_id::uuid, {user}, 'undo', {destination}, {proved_at},
	case when {proved_at} is null then {since} else now() end,
	now() + :undo_life::bigint * interval '1 microsecond'

-- fragment: send(from => (select) one, drafts => :mails::json)
-- Send drafts of mails and messages (core/outgoing/mail.h), or none where they
-- are null, for each row of a CTE.
insert into jobs (id, kind, payload, priority, expires_at)
select t.* from {from}, job_drafts({drafts}) t

-- fragment: send_sealed(kind => 'mail', priority => 0, expires_at => null)
-- Send one mail or message that C has sealed.
insert into jobs (id, kind, payload, priority, expires_at)
select :job_id::uuid, {kind}, :job_payload::bytea, {priority}, {expires_at}

-- fragment: end_sessions(of, reason)
-- All sessions of the users that a CTE has by their id.
update sessions set ended_at = now(), end_reason = {reason}
from {of} where sessions.user_id = {of}.id and ended_at is null

-- fragment: keep_password(of)
-- The hash that each user of a CTE has until now; :history of them are kept.
insert into password_history (user_id, hash)
select old.id, old.password_hash from {of} join users old on old.id = {of}.id
where :history::int > 0 and old.password_hash is not null

-- fragment: drop_passwords(of)
-- The older ones, so that with the one above there are :history of them.
delete from password_history using {of}
where user_id = {of}.id and password_history.id not in (
	select p.id from password_history p where p.user_id = {of}.id
	order by p.id desc limit greatest(:history::int - 1, 0))

-- fragment: forget_devices(of)
-- All devices of the users that a CTE has by their id.
update devices set revoked_at = now()
from {of} where devices.user_id = {of}.id and revoked_at is null

-- cells: account(of)
-- What core/account/account.h has of an account.
-- int: numeric_id
-- bool: two_factor_enabled
{of}.id, {of}.numeric_id, {of}.email, {of}.username, {of}.first_name,
	{of}.last_name, {of}.full_name, {of}.is_active, {of}.is_verified,
	{of}.two_factor_enabled, array_to_string({of}.roles, ',') as roles,
	{of}.profile_picture_url, {of}.cover_photo_url,
	to_us({of}.last_login_at) as last_login_at,
	to_us({of}.created_at) as created_at,
	to_us({of}.updated_at) as updated_at

-- cells: entry(of)
-- A row of the audit log, as core/access/audit.h has it.
-- int: id
{of}.id, to_us({of}.created_at) as created_at, {of}.user_id, {of}.actor_id,
	{of}.action, {of}.resource, {of}.result, {of}.reason, {of}.ip_address,
	{of}.user_agent, {of}.request_id

-- fragment: audit_filter()
-- Which rows of the audit log: what is null does not narrow; µs, a network or
-- an address.
(:user_id::uuid is null or user_id = :user_id::uuid)
	and (:action::text is null or action = :action)
	and (:result::text is null or result = :result)
	and (:from::bigint is null or created_at >= from_us(:from::bigint))
	and (:to::bigint is null or created_at <= from_us(:to::bigint))
	and (:network::text is null or ip_address = :network
		or position('/' in :network) > 0
		and address_in(ip_address, :network))

-- fragment: user_filter()
-- Which accounts an administrator sees: what is null does not narrow.
(:role::text is null or roles @> array[:role::text])
	and (:is_active::boolean is null or is_active = :is_active::boolean)
	and (:is_verified::boolean is null
		or is_verified = :is_verified::boolean)
