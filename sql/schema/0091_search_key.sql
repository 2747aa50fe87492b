-- Composed once more behind the capital letters: of a dotted capital I the small
-- letter is two characters, and their capitals are two again.
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
		return normalize(upper(normalize(t, NFKC) collate %s), NFKC)',
		coalesce('pg_catalog.' || best, '"C"'));
	if to_regclass('users_search_key') is not null then
		reindex index users_search_key;
	end if;
end
$search$;

-- What LIKE finds such a key by: its own signs are escaped last, because a wide
-- percent sign becomes one.
create function search_pattern(t text) returns text
language sql immutable parallel safe
return '%' || regexp_replace(search_key(t), '([\\%_])', '\\\1', 'g') || '%';
