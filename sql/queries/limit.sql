-- name: attempt_charge
-- int: remaining, retry_us
-- bool: allowed
-- row: charge
select allowed, remaining, retry_us
from charge(:bucket, :limit::integer, :window::bigint, :lock::bigint);

-- name: attempt_charge_sliding
-- int: remaining, retry_us
-- bool: allowed
-- row: charge
select allowed, remaining, retry_us
from charge_sliding(:bucket, :limit::integer, :window::bigint);

-- name: attempt_refund
-- The attempt was charged, but no secret was found wrong.
update attempts set count = greatest(count - 1, 0),
	expires_at = case when count = :limit::integer
		then now() + :window::bigint * interval '1 microsecond'
		else expires_at end
where bucket = :bucket and count <= :limit::integer;

-- name: attempt_charge_all
-- A line of buckets, limits and windows each; the number of the one that
-- refuses, or 0.
-- int: refused, retry_us
select refused, retry_us
from charge_all(string_to_array(:buckets, E'\n'), string_to_array(:limits,
	E'\n')::integer[], string_to_array(:windows, E'\n')::bigint[]);
