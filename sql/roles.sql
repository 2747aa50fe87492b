-- The rights of the role under which the web and queue processes run
-- (security row CF6): rows of our tables, never their shape. Run by the owner
-- after every migration; running it again changes nothing. :app_role is the
-- quoted name of the role.
--
-- A table whose comment begins with "append-only" may be read and added to,
-- not changed; its columns that have a default are not given: a number or a
-- time that somebody chose would say of a row what it is not. "read-only" and
-- schema_migrations may be read, partitions only through their table. What
-- belongs to somebody else, an extension say, is left alone.

do $roles$
declare
	home text := quote_ident(current_schema());
	t record;
begin
	execute 'grant usage on schema ' || home || ' to :app_role';
	execute 'grant usage, select on all sequences in schema ' || home ||
	    ' to :app_role';
	for t in
		select p.oid::regprocedure as name from pg_proc p
		where p.pronamespace = current_schema()::regnamespace
		and p.proowner = current_user::regrole
	loop
		execute 'grant execute on function ' || t.name ||
		    ' to :app_role';
	end loop;
	for t in
		select quote_ident(c.relname) as name, c.relispartition,
		    case when c.relname = 'schema_migrations' then 'read-only'
			else coalesce(obj_description(c.oid, 'pg_class'), '')
		    end as comment,
		    (select string_agg(quote_ident(attname), ', ')
			from pg_attribute
			where attrelid = c.oid and attnum > 0
			and not attisdropped and not atthasdef
			and attidentity = '') as given
		from pg_class c
		where c.relnamespace = current_schema()::regnamespace
		and c.relkind in ('r', 'p', 'v')
		and c.relowner = current_user::regrole
	loop
		execute 'revoke all on ' || home || '.' || t.name ||
		    ' from :app_role';
		continue when t.relispartition;
		execute 'grant select' || case
		    when t.comment like 'read-only%' then ''
		    when t.comment like 'append-only%' then
			coalesce(', insert (' || t.given || ')', '')
		    else ', insert, update, delete' end ||
		    ' on ' || home || '.' || t.name || ' to :app_role';
	end loop;
end
$roles$;

-- Limits that hold whatever the client does. Setting them for another role
-- needs the right to change roles; without it the administrator is told.
do $limits$
begin
	execute 'alter role :app_role in database ' ||
	    quote_ident(current_database()) || ' set statement_timeout = ''10s''';
	execute 'alter role :app_role in database ' ||
	    quote_ident(current_database()) || ' set lock_timeout = ''3s''';
	execute 'alter role :app_role in database ' ||
	    quote_ident(current_database()) ||
	    ' set idle_in_transaction_session_timeout = ''10s''';
exception when insufficient_privilege then
	raise notice 'time limits of the role are left as they are';
end
$limits$;
