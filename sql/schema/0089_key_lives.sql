-- Does a key open anything now? What every request by key asks, and once more
-- what it leaves behind (row AK4).
create function key_lives(k api_keys, u users) returns boolean
language sql stable as $$
	select k.is_active and u.is_active and not u.must_reset_password
		and u.erase_at is null
		and (k.expires_at is null or k.expires_at > now())
$$;

create or replace function actor_holds(p_user uuid, p_actor uuid)
returns boolean language plpgsql volatile as $$
begin
	if exists (select from sessions where id = p_actor) then
		perform from users where id = p_user for no key update;
	else
		perform from users where id = p_user for share;
	end if;
	if exists (select from sessions s join users u on u.id = s.user_id
			where s.id = p_actor and u.id = p_user and u.is_active
				and s.ended_at is null
				and s.absolute_expires_at > now())
		or exists (select from api_keys k
			join users u on u.id = k.user_id
			where k.id = p_actor and u.id = p_user
				and key_lives(k, u)) then
		return true;
	end if;
	raise exception 'who asks may not act any more'
		using errcode = 'ZP001';
end $$;
