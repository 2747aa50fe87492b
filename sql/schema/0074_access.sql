-- What one user may make has an end, and what is looked for is found in any
-- spelling.

-- Live API keys of a user beside this one. Its snapshot is younger than the
-- lock on the user's row that is taken before.
create or replace function live_api_keys(p_user uuid, p_but uuid)
returns bigint language plpgsql volatile as $$
begin
	return (select count(*) from api_keys
		where user_id = p_user and is_active and id <> p_but);
end $$;

-- Twenty devices of a user are known; the one longest not used is forgotten
-- for the twenty-first. Those of before go a while after they ended.
create or replace function devices_few() returns trigger
language plpgsql as $$
begin
	update devices set revoked_at = now() where id in (
		select id from devices
		where user_id = new.user_id and revoked_at is null
			and expires_at > now()
		order by id = new.id desc, last_used_at desc offset 20);
	delete from devices
	where user_id = new.user_id
		and least(revoked_at, expires_at) < now() - interval '1 hour';
	return null;
end $$;
create or replace trigger devices_few after insert on devices
	for each row execute function devices_few();

-- Where people signed in by address it may stay the name of an account that is
-- imported.
alter table users drop constraint if exists users_username_check,
	add constraint users_username_check
		check (length(username) between 1 and 254);

-- Made or changed by an API key, a webhook hears of its owner only, whoever
-- switches it on later: the address was chosen by whoever has the key.
alter table webhooks add column if not exists own_only
	boolean not null default false;

-- A text as it is looked for: case folded and composed, by no locale of the
-- database. Capital letters, because small ones differ by their place in the
-- word (the final sigma). The best of the collations that are there: ICU's root,
-- C.UTF-8, or A to Z only.
do $search$
declare
	best text;
begin
	select quote_ident(collname) into best from pg_collation
	where (collname = 'und-x-icu' or collname in ('C.utf8', 'C.UTF-8'))
		and collnamespace = 'pg_catalog'::regnamespace
	order by collname = 'und-x-icu' desc limit 1;
	execute format('create or replace function search_key(t text)
		returns text language sql immutable parallel safe
		return upper(normalize(t, NFKC) collate %s)',
		coalesce('pg_catalog.' || best, '"C"'));
end
$search$;

do $trigram$
declare
	home text;
begin
	select quote_ident(nspname) into home
	from pg_extension e join pg_namespace n on n.oid = e.extnamespace
	where extname = 'pg_trgm';
	if home is not null then
		drop index if exists users_search;
		execute format($i$create index if not exists users_search_key
			on users using gin (search_key(email || ' ' ||
			username || ' ' || coalesce(full_name, ''))
			%s.gin_trgm_ops)$i$, home);
	end if;
exception when others then
	raise notice 'search without pg_trgm: %', sqlerrm;
end
$trigram$;

-- What was counted for names that nobody has was kept for ten years.
update attempts set expires_at = least(expires_at,
	now() + interval '1 hour')
where bucket like 'login.all:?%';
