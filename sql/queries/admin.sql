-- name: authorisation_lock
select authorisation_lock();

-- name: admin_user_by_number
-- safe: yes
select id from users where numeric_id = :numeric_id::bigint;

-- name: admin_refused
-- What the gate turned away at the administration's door.
-- use: audit(action => :action, resource => 'admin', user => :user_id::uuid,
--	result => 'failure', reason => :reason);

-- name: actor_holds
-- Whether the session or key that asks may still act; an error if not.
select actor_holds(:user_id::uuid, :actor_id::uuid);
