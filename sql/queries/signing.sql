-- name: signing_key_load
-- Keys that sign or still verify, newest signing key first.
-- bytes: secret
-- safe: yes
select kid, algorithm, secret, to_us(signs_from) as signs_from,
	to_us(verifies_until) as verifies_until
from signing_keys
where verifies_until is null or verifies_until > now()
order by signs_from desc, kid limit 14;
