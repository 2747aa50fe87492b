-- Times travel between Postgres and the program as microseconds since 1970.
-- Both are immutable all the way down (extract from a timestamptz is not, nor
-- is timestamptz + interval), so the planner writes them into the query.

create function to_us(t timestamptz) returns bigint
language sql immutable strict parallel safe
return (extract(epoch from t - timestamptz '1970-01-01 00:00:00+00')
	* 1000000)::bigint;

create function from_us(us bigint) returns timestamptz
language sql immutable strict parallel safe
return to_timestamp(us::double precision / 1000000);
