-- name: subject_of_key
-- A subject of an API key's owner (row TO13).
-- safe: yes
select id from subjects where owner_id = :owner_id::uuid and name = :name;

-- name: subject_make
-- One row: the id, null when it was made by another at once or when the
-- owner has as many as he may, which the second cell tells.
with known as materialized (
	select id from subjects
	where user_id = :user_id::uuid
		or (owner_id = :owner_id::uuid and name = :name)
), room as materialized (
	select case when :owner_id::uuid is null or exists (select from known)
		then true else subjects_below(:owner_id::uuid,
			:subjects_max::integer)
		end as here
), i as (
	insert into subjects (id, user_id, owner_id, name)
	select :id::uuid, :user_id::uuid, :owner_id::uuid,
		:name from room where here
	on conflict do nothing returning id
), s as (
	select id from known union all select id from i limit 1
)
select s.id, not room.here as is_full from room left join s on true;
