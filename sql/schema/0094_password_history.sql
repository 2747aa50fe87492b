-- The hashes of passwords that a user had before, for as many as
-- password.history says; none where that is 0.
create table password_history (
	id bigint generated always as identity primary key,
	user_id uuid not null references users (id) on delete cascade,
	hash text not null
);
create index on password_history (user_id, id desc);
