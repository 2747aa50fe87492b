-- Codes by mail go to the address of the account, also when that changes. A
-- code on its way to the old one is void.
create function factor_follows_mail() returns trigger language plpgsql as $$
begin
	update factors set destination = new.email
	where subject_id = new.id and kind = 'email' and enabled_at is not null;
	update factors set pending_until = now()
	where subject_id = new.id and kind = 'email'
		and pending_until > now();
	update factor_codes set voided_at = now()
	where subject_id = new.id and kind = 'email' and used_at is null
		and voided_at is null;
	return null;
end $$;
create trigger users_factor_mail after update of email on users
	for each row when (new.email is distinct from old.email)
	execute function factor_follows_mail();
