-- How many there are that count for a bound. Who asks makes one more: requests
-- by key share the lock of their owner, so one waits here for the other, and
-- counts with a snapshot of its own.
create function webhooks_beside(p_user uuid, p_but uuid) returns bigint
language plpgsql volatile as $$
begin
	perform pg_advisory_xact_lock(hashtext('webhooks of ' || p_user));
	return (select count(*) from webhooks
		where user_id = p_user and id <> p_but);
end $$;

create function subjects_below(p_owner uuid, p_most integer) returns boolean
language plpgsql volatile as $$
begin
	perform pg_advisory_xact_lock(hashtext('subjects of ' || p_owner));
	return (select count(*) from (select from subjects
		where owner_id = p_owner limit p_most) few) < p_most;
end $$;
