-- API keys (security rows AK1 to AK9). key_id is the public part of the key;
-- the secret is kept as a hash.
create table api_keys (
	id uuid primary key,
	key_id text not null unique,
	user_id uuid not null references users on delete cascade,
	name text not null,
	secret_hash bytea not null,
	previous_hash bytea,
	previous_until timestamptz,
	scopes text[] not null default '{}',
	rate_limit integer not null default 1000,
	allowed_ips text[] not null default '{}',
	is_active boolean not null default true,
	usage_count bigint not null default 0,
	last_used_at timestamptz,
	expires_at timestamptz,
	created_at timestamptz not null default now()
);
create index api_keys_user on api_keys (user_id, created_at);
