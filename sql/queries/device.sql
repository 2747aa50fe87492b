-- name: device_list
-- bool: factor_proved
-- safe: yes
select id, name, factor_proved, to_us(created_at) as created_at,
	to_us(last_used_at) as last_used_at,
	to_us(expires_at) as expires_at
from devices
where user_id = :user_id::uuid and revoked_at is null and expires_at > now()
order by last_used_at desc, id;

-- name: device_rename
update devices set name = :name
where user_id = :user_id::uuid and id::text = :id and revoked_at is null
	and expires_at > now()
returning id;

-- name: device_forget
with d as (
	update devices set revoked_at = now()
	where user_id = :user_id::uuid and revoked_at is null
		and (:id::text is null or id::text = :id)
	returning id
), a as (
	-- use: audit(action => 'device.forget', resource => 'devices',
	--	user => :user_id::uuid)
	from d limit 1
)
select id from d;

-- name: device_copied
-- An old token of a device came after a newer one was used.
with d as (
	update devices set revoked_at = now()
	where id = :device_id::uuid and user_id = :user_id::uuid
		and revoked_at is null
	returning id
), j as (
	-- use: send(from => d)
), a as (
	-- use: audit(action => 'device.copied', resource => 'devices',
	--	user => :user_id::uuid, actor => null, result => 'failure',
	--	reason => 'an old token was used')
	from d
)
select id from d;
