#include <stddef.h>

/* Quotes would include the config.h beside this file. */
#include <config.h>

#include "base/buf.h"
#include "base/clock.h"
#include "config/config_private.h"

static bool
is_production(const struct config *c)
{
	return strcmp(c->environment, "development") != 0 &&
	    strcmp(c->environment, "test") != 0;
}

/* Does s begin with a host that is this machine? */
static bool
is_local_url(struct str s)
{
	static const char *const names[] = { "localhost", "127.", "[::1]",
		"::1", "/" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (str_starts(s, str_of(names[i])))
			return true;
	return s.n == 0;
}

static void
check_passwords(struct config_all *all)
{
	const struct config *c = &all->c;

	if (c->password_min > c->password_max)
		config_fault(all, "password.min_length is more than "
		    "password.max_length");
	/* OWASP's pairs: 19 MiB with two passes, 46 MiB with one (row PW6). */
	if (c->argon2_time == 1 && c->argon2_memory < 47104)
		config_fault(all, "password.argon2_time of 1 needs "
		    "password.argon2_memory_kib of 47104 or more");
}

static void
check_lists(struct config_all *all)
{
	const char *rest = all->c.cors_origins;
	struct str piece;
	bool star = false;
	size_t n = 0;

	for (; config_list_next(&rest, &piece); n++)
		star |= str_eq(piece, STR("*"));
	if (star && n > 1)
		config_fault(all, "cors.origins holds * beside exact origins; "
		    "it is one or the other");
	if (star && all->c.profile[0])
		config_fault(all, "cors.origins may not be * under "
		    "service.profile strict");
	/* A trusted proxy chooses the address that limits count. */
	for (rest = all->c.trusted_proxies; config_list_next(&rest, &piece);)
		if (str_ends(piece, STR("/0")))
			config_fault(all, "service.trusted_proxies holds the "
			    "whole internet; name the proxies");
}

static void
check_tokens(struct config_all *all)
{
	if (all->c.access_ttl > all->c.session_max)
		config_fault(all, "jwt.access_ttl is longer than "
		    "session.max_age");
}

static void
check_s3(struct config_all *all)
{
	const struct config *c = &all->c;

	if (c->s3_key[0] && (!c->s3_bucket[0] || !c->s3_secret[0]))
		config_fault(all, "s3.access_key_id needs s3.bucket and "
		    "s3.secret_access_key");
}

static void
check_kafka(struct config_all *all)
{
	const struct config *c = &all->c;

	if (!c->kafka_enabled)
		return;
#ifndef HAVE_RDKAFKA
	config_fault(all, "kafka.enabled is true, but this build has no "
	    "librdkafka; build it with --with-kafka");
#endif
	if (c->kafka_brokers[0] == '\0')
		config_fault(all, "kafka.brokers must name a broker while "
		    "kafka.enabled is true");
	if ((c->kafka_user[0] == '\0') != (c->kafka_password[0] == '\0'))
		config_fault(all, "kafka.user and kafka.password go together: "
		    "one of them is missing");
}

/* Does it listen where only this host can reach it? */
static bool
is_loopback(const char *address)
{
	struct str s = str_of(address);

	return str_starts(s, STR("127.")) || str_eq(s, STR("::1"));
}

/* In clear only where nobody can listen in (row GR1). */
static void
check_grpc(struct config_all *all)
{
	const struct config *c = &all->c;
	bool tls = c->grpc_cert[0] != '\0';

	if (!c->grpc_enabled)
		return;
#ifndef HAVE_GRPC
	config_fault(all, "grpc.enabled is true, but this build has no "
	    "postern-grpc; build it with --with-grpc");
#endif
	if (tls != (c->grpc_key[0] != '\0'))
		config_fault(all, "grpc.tls_cert and grpc.tls_key go "
		    "together: one of them is missing");
	if (c->grpc_client_ca[0] && !tls)
		config_fault(all, "grpc.tls_client_ca needs grpc.tls_cert");
	if (!tls && !is_loopback(c->grpc_listen) &&
	    strcmp(c->environment, "production") == 0)
		config_fault(all, "grpc.listen is not a loopback address: "
		    "set grpc.tls_cert and grpc.tls_key, for tokens would "
		    "cross the network in clear");
}

/* Is one of the brokers on another machine? */
static bool
has_remote(const char *brokers)
{
	struct str piece;

	while (config_list_next(&brokers, &piece))
		if (!is_local_url(piece))
			return true;
	return false;
}

static bool
is_verified(const char *sslmode)
{
	return strcmp(sslmode, "verify-full") == 0;
}

/* Row CF1, as far as the profile demands it. */
static void
check_strict(struct config_all *all)
{
	const struct config *c = &all->c;
	struct str url = str_of(c->public_url);

	if (c->profile[0] == '\0' || !is_production(c))
		return;
	if (str_starts(url, STR("http://")) &&
	    !is_local_url(str_slice(url, 7, url.n)))
		config_fault(all, "service.public_url must be https under "
		    "service.profile strict");
	if (c->db_url[0] == '\0' && !is_local_url(str_of(c->db_host)) &&
	    !is_verified(c->db_sslmode))
		config_fault(all, "database.sslmode must be verify-full for "
		    "a server elsewhere under service.profile strict");
	if (c->smtp_password[0] && !c->smtp_tls &&
	    !is_local_url(str_of(c->smtp_host)))
		config_fault(all, "smtp.tls must be on under service.profile "
		    "strict: a password would cross the network in clear");
	if (c->kafka_enabled && !c->kafka_tls &&
	    (c->kafka_password[0] || c->kafka_secrets) &&
	    has_remote(c->kafka_brokers))
		config_fault(all, "kafka.tls must be on under service.profile "
		    "strict: a secret would cross the network in clear");
}

/* Nobody shall wait for the effect of a setting that has none here. */
static void
tell_accepted(struct config_all *all)
{
	for (size_t i = 0; i < CONFIG_ROWS; i++)
		if (config_rows[i].accepted &&
		    all->given[i].from > CONFIG_FROM_PROFILE &&
		    all->given[i].text[0])
			config_warn(all, "%s is accepted for compatibility "
			    "and does nothing: %s", config_subject(all, i),
			    config_rows[i].doc);
}

/* Verifiers of HS256 tokens know jwt.secret, and so all keys derived of it. */
static void
check_sealing(struct config_all *all)
{
	const struct config *c = &all->c;

	if (c->sealing_keys[0] || !is_production(c))
		return;
	if (strcmp(c->profile, "strict") == 0)
		config_fault(all, "keys.sealing must be set under "
		    "service.profile strict: without it what is sealed opens "
		    "by jwt.secret, which every verifier of HS256 tokens "
		    "knows; posternctl key generate --sealing makes one");
	else
		config_warn(all, "keys.sealing is empty: what is sealed opens "
		    "by jwt.secret, which every verifier of HS256 tokens "
		    "knows, and is lost when that changes; posternctl key "
		    "generate --sealing makes one");
}

/* Links and redirects are built by appending a path. */
static void
trim_slash(struct arena *a, const char **url)
{
	struct str s = str_of(*url);

	while (s.n && s.p[s.n - 1] == '/')
		s.n--;
	*url = arena_cstr(a, s);
}

void
config_cross(struct config_all *all)
{
	trim_slash(all->arena, &all->c.public_url);
	check_passwords(all);
	check_lists(all);
	check_tokens(all);
	check_s3(all);
	check_kafka(all);
	check_grpc(all);
	check_strict(all);
	check_sealing(all);
	tell_accepted(all);
}
