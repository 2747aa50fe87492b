-- Who failed to log in to an account is counted until its owner logs in; with
-- the account the count goes, however it goes (rows PV2, PV4).
create function user_gone() returns trigger language plpgsql as $$
begin
	delete from attempts where bucket = 'login.all:' || old.id;
	return null;
end $$;

create trigger user_gone after delete on users
	for each row execute function user_gone();

delete from attempts where bucket like 'login.all:%-%-%-%-%'
	and bucket not in (select 'login.all:' || id from users)
	and expires_at > now() + interval '2 days';
