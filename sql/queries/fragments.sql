-- Text that several statements share; sql/gen-queries.awk tells how it is used.

-- A row of the audit log for each row of what follows the use ("from u").
-- Who did it is the user himself where nothing else is said. The last three
-- parameters are C's REQUESTER(x).
-- fragment: audit(action, resource, user => null, actor => {user},
--	result => 'success', reason => null)
insert into audit_logs (user_id, actor_id, action, resource, result, reason,
	ip_address, user_agent, request_id)
select {user}, {actor}, {action}, {resource}, {result}, {reason},
	:ip_address, :user_agent, :request_id

-- The same where a CTE decided whether :actor_id may do it: it has "allowed".
-- fragment: audit_decision(action, resource, user => null, reason => null)
-- use: audit(action => {action}, resource => {resource}, user => {user},
--	actor => :actor_id::uuid, reason => {reason},
--	result => case when allowed then 'success' else 'failure' end)

-- The same for what no request did: a program of the operator, the worker.
-- fragment: audit_local(action, resource, user => null, reason => 'posternctl')
insert into audit_logs (user_id, action, resource, result, reason)
select {user}, {action}, {resource}, 'success', {reason}

-- Send drafts of mails and messages (core/mail.h), or none where they are
-- null, for each row of a CTE.
-- fragment: send(from => (select) one, drafts => :mails::json)
insert into jobs (id, kind, payload, priority, expires_at)
select t.* from {from}, job_drafts({drafts}) t

-- All sessions of the users that a CTE has by their id.
-- fragment: end_sessions(of, reason)
update sessions set ended_at = now(), end_reason = {reason}
from {of} where sessions.user_id = {of}.id and ended_at is null

-- All devices of the users that a CTE has by their id.
-- fragment: forget_devices(of)
update devices set revoked_at = now()
from {of} where devices.user_id = {of}.id and revoked_at is null

-- What core/account.h has of an account.
-- cells: account(of)
-- int: numeric_id
-- bool: two_factor_enabled
{of}.id, {of}.numeric_id, {of}.email, {of}.username, {of}.first_name,
	{of}.last_name, {of}.full_name, {of}.is_active, {of}.is_verified,
	{of}.two_factor_enabled, array_to_string({of}.roles, ',') as roles,
	{of}.profile_picture_url, {of}.cover_photo_url,
	to_us({of}.last_login_at) as last_login_at,
	to_us({of}.created_at) as created_at,
	to_us({of}.updated_at) as updated_at
