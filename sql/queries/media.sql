-- Pictures of profiles: the rows of their objects in a store that is asked
-- between two of these statements, never within one.

-- name: media_begin
-- An upload begins; what it leaves in the store is known by this row. No row:
-- the user began :quota within an hour.
insert into media_objects (key, user_id, kind)
select :key, :user_id::uuid, :kind
where (select count(*) from media_objects where user_id = :user_id::uuid
	and created_at > now() - interval '1 hour') < :quota::integer
returning key;

-- name: media_abandon
-- It failed: whatever the store has of it is to go.
-- safe: yes
update media_objects set state = 'doomed'
where key = :key and state = 'pending';

-- name: media_lock
-- Of two changes of one profile's pictures the second sees the first.
select id from users where id = :user_id::uuid for update;

-- name: media_retire
-- After media_lock: the object that the profile shows is to go.
update media_objects set state = 'doomed'
where user_id = :user_id::uuid and kind = :kind and state = 'live';

-- name: media_show
-- After media_retire: the profile shows the new object. No row: the upload took
-- so long that it was given up.
with o as (
	update media_objects set state = 'live'
	where key = :key and user_id = :user_id::uuid and state = 'pending'
	returning key, user_id, kind
), u as (
	update users set updated_at = now(),
		profile_picture_url = case o.kind when 'profile_picture'
			then :url else profile_picture_url end,
		cover_photo_url = case o.kind when 'cover_photo'
			then :url else cover_photo_url end
	from o where users.id = o.user_id
	returning users.id, o.key, o.kind
), a as (
	-- use: audit(action => 'media.upload', resource => 'media/' || key,
	--	user => id, reason => kind)
	from u
)
select id from u;

-- name: media_remove
-- After media_retire: the profile shows none. No row: it showed none.
with u as (
	update users set updated_at = now(),
		profile_picture_url = case :kind when 'profile_picture'
			then null else profile_picture_url end,
		cover_photo_url = case :kind when 'cover_photo'
			then null else cover_photo_url end
	where id = :user_id::uuid and case :kind when 'profile_picture'
		then profile_picture_url else cover_photo_url end is not null
	returning id
), a as (
	-- use: audit(action => 'media.delete', resource => 'media',
	--	user => id, reason => :kind)
	from u
)
select id from u;

-- name: media_sweep_next
-- The next object that has to go, for a minute this worker's: doomed, or of an
-- upload that ended nobody knows how.
update media_objects set claimed_at = now(), state = 'doomed'
where key = (
	select key from media_objects
	where state in ('pending', 'doomed')
		and claimed_at < now() - interval '1 minute'
		and (state = 'doomed'
			or created_at < now() - interval '10 minutes')
	order by claimed_at limit 1 for update skip locked)
returning key;

-- name: media_swept
-- The store has it no more.
-- safe: yes
update media_objects set state = 'gone'
where key = :key and state = 'doomed';
