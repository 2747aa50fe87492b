-- Security notices go to all addresses that are known to be the user's (rows
-- LG11, RC3), through what follows and nothing else.

-- The address of the account and every proved recovery address, none twice.
create function notice_addresses(p_user uuid, p_email text)
returns table (address text) language sql stable as $$
	select p_email
	union
	select value from recovery_methods
	where user_id = p_user and type = 'email' and verified_at is not null
$$;

-- How a user is greeted, and where notices for him go: an address a line.
create view addressees as
select u.id as user_id,
	coalesce(u.full_name, u.first_name, u.username) as name,
	(select string_agg(address, E'\n')
		from notice_addresses(u.id, u.email)) as addresses
from users u;

-- Messages as a program drafts them, a JSON array, as rows for
--	insert into jobs (id, kind, payload, priority, expires_at)
-- in the statement of their cause; null: none.
create function job_drafts(p_drafts json) returns table (id uuid, kind text,
	payload bytea, priority smallint, expires_at timestamptz)
language sql stable as $$
	select d.id, d.kind, decode(d.payload, 'hex'), d.priority,
		now() + d.ttl * interval '1 microsecond'
	from json_to_recordset(p_drafts) d (id uuid, kind text, payload text,
		priority smallint, ttl bigint)
$$;
