-- From where somebody has logged in: a network or a program not seen before is
-- told to him (security row LG11). Digests only.
create table login_places (
	user_id uuid not null references users on delete cascade,
	kind text not null check (kind in ('network', 'agent')),
	digest text not null,
	seen_at timestamptz not null default now(),
	primary key (user_id, kind, digest)
);
create index login_places_seen on login_places (seen_at);

-- Remember this place. Is it a new one? The first of all is none.
create function login_is_new(p_user uuid, p_network text, p_agent text)
returns boolean language plpgsql volatile as $$
declare
	known integer;
	a text := md5(coalesce(p_agent, ''));
	n text := md5(p_network);
begin
	select count(*) into known from login_places
	where user_id = p_user and ((kind = 'network' and digest = n)
		or (kind = 'agent' and digest = a));
	if known = 2 then
		update login_places set seen_at = now()
		where user_id = p_user and digest in (n, a)
			and seen_at < now() - interval '1 day';
		return false;
	end if;
	perform from login_places where user_id = p_user limit 1;
	known := case when found then 1 else 0 end;
	insert into login_places (user_id, kind, digest)
	values (p_user, 'network', n), (p_user, 'agent', a)
	on conflict do nothing;
	return known > 0;
end $$;
