-- Who asks was judged a moment before his statement runs; meanwhile somebody
-- may have proved whose the account is (start_over), and what is made then
-- would stay. This stands before such a statement, in its transaction: what
-- ends the right to act locks the user first, so that one waits for the other.
-- Keys do not write the user's row and need not wait for each other.
create function actor_holds(p_user uuid, p_actor uuid) returns boolean
language plpgsql volatile as $$
begin
	if exists (select from sessions where id = p_actor) then
		perform from users where id = p_user for no key update;
	else
		perform from users where id = p_user for share;
	end if;
	if exists (select from users where id = p_user and is_active)
		and (exists (select from sessions where id = p_actor
				and user_id = p_user and ended_at is null
				and absolute_expires_at > now())
			or exists (select from api_keys where id = p_actor
				and user_id = p_user and is_active)) then
		return true;
	end if;
	raise exception 'who asks may not act any more'
		using errcode = 'ZP001';
end $$;
