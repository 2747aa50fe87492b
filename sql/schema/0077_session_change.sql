-- What is kept of a session outside the database is not true any more (security
-- row SE8): a row for the session or the user, or without an id for all, by the
-- transaction that makes it so, whoever runs it. Hosts read what they have not
-- read yet, at most once a second.
--
-- They go by transaction, not by time: what a snapshot could not see has no
-- number below the snapshot's xmin, however long it took to commit.
create table session_changes (
	xid xid8 not null default pg_current_xact_id(),
	id uuid,
	at timestamptz not null default now()
) with (autovacuum_vacuum_scale_factor = 0.5);
create index session_changes_xid on session_changes (xid);

create function session_changed() returns trigger language plpgsql as $$
begin
	insert into session_changes (id) values (old.id);
	return null;
end $$;

-- A rotation, a touch and a login change nothing that lets anybody in.
create trigger sessions_changed after update of ended_at, proved_at, amr,
	absolute_expires_at on sessions for each row
	when ((old.ended_at, old.proved_at, old.amr, old.absolute_expires_at)
		is distinct from (new.ended_at, new.proved_at, new.amr,
			new.absolute_expires_at))
	execute function session_changed();
create trigger sessions_gone after delete on sessions for each row
	when (old.ended_at is null) execute function session_changed();
create trigger users_changed after update of email, username, first_name,
	last_name, full_name, is_active, is_verified, two_factor_enabled, roles,
	profile_picture_url, cover_photo_url on users for each row
	when ((old.email, old.username, old.first_name, old.last_name,
			old.full_name, old.is_active, old.is_verified,
			old.two_factor_enabled, old.roles,
			old.profile_picture_url, old.cover_photo_url)
		is distinct from (new.email, new.username, new.first_name,
			new.last_name, new.full_name, new.is_active,
			new.is_verified, new.two_factor_enabled, new.roles,
			new.profile_picture_url, new.cover_photo_url))
	execute function session_changed();

create function roles_changed() returns trigger language plpgsql as $$
begin
	insert into session_changes (id) values (null);
	return null;
end $$;
create trigger role_version_changed after update on role_version
	for each row execute function roles_changed();
