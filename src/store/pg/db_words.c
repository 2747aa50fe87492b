#include "store/pg/db_private.h"

#include <stdio.h>
#include <strings.h>

/*
 * libpq looks at these when it connects, so that a misspelt word is a database
 * that is not reachable. Those that only a reader could want are left out.
 */
static const struct {
	const char *keyword;
	const char *words; /* NULL: a whole number */
	bool any_case;
} enumerated[] = {
	{ "sslmode", "disable, allow, prefer, require, verify-ca, "
	    "verify-full", false },
	{ "target_session_attrs", "any, read-write, primary, prefer-standby",
	    false },
	{ "load_balance_hosts", "disable, random", false },
	{ "channel_binding", "disable, prefer, require", false },
	{ "gssencmode", "disable, prefer, require", false },
	{ "sslcertmode", "disable, allow, require", false },
	{ "sslnegotiation", "postgres, direct", false },
	{ "ssl_min_protocol_version", "TLSv1, TLSv1.1, TLSv1.2, TLSv1.3",
	    true },
	{ "ssl_max_protocol_version", "TLSv1, TLSv1.1, TLSv1.2, TLSv1.3",
	    true },
	{ "sslsni", "0, 1", false },
	{ "client_encoding", "UTF8, UTF-8", true },
	{ "replication", "false, off, no, 0", true },
	{ "connect_timeout", NULL, false },
	{ "tcp_user_timeout", NULL, false },
	{ "keepalives", NULL, false },
	{ "keepalives_idle", NULL, false },
	{ "keepalives_interval", NULL, false },
	{ "keepalives_count", NULL, false },
};

static bool
is_taken(size_t i, const char *value)
{
	const char *words = enumerated[i].words;
	struct str rest, word;
	long long number;

	if (words == NULL)
		return str_to_int(str_of(value), -1, INT32_MAX, &number);
	if (!enumerated[i].any_case)
		return str_holds(str_of(words), ',', str_of(value));
	rest = str_of(words);
	while (str_split(&rest, ',', &word))
		if (str_eq_nocase(str_trim(word), str_of(value)))
			return true;
	return false;
}

static bool
is_set(const PQconninfoOption *all, const char *keyword, const char *value)
{
	const char *given = db_target_option(all, keyword);

	return given && strcmp(given, value) == 0;
}

/* Each word is one, but together they never make a connection. */
static const char *
fault_together(const PQconninfoOption *all)
{
	const char *mode = db_target_option(all, "sslmode");
	const char *low = db_target_option(all, "ssl_min_protocol_version");
	const char *high = db_target_option(all, "ssl_max_protocol_version");
	bool weak = mode && str_holds(STR("disable, allow, prefer"), ',',
	    str_of(mode));

	if (is_set(all, "channel_binding", "require") &&
	    is_set(all, "sslmode", "disable"))
		return "has channel_binding=require, which needs TLS, beside "
		    "sslmode=disable";
	if (is_set(all, "sslrootcert", "system") && mode &&
	    strcmp(mode, "verify-full") != 0)
		return "has sslrootcert=system, which goes with "
		    "sslmode=verify-full only";
	if (is_set(all, "sslnegotiation", "direct") && weak)
		return "has sslnegotiation=direct, which goes with "
		    "sslmode=require, verify-ca or verify-full only";
	/* The longer name is the newer version, and the digits rise. */
	if (low && high && strcasecmp(low, high) > 0)
		return "has an ssl_min_protocol_version above "
		    "ssl_max_protocol_version";
	return NULL;
}

const char *
db_words_fault(const PQconninfoOption *all)
{
	static char said[160];

	for (size_t i = 0; i < sizeof enumerated / sizeof *enumerated; i++) {
		const char *keyword = enumerated[i].keyword;
		const char *value = db_target_option(all, keyword);

		if (value == NULL || is_taken(i, value))
			continue;
		snprintf(said, sizeof said, "has a value of %s that must be "
		    "%s%s", keyword, enumerated[i].words ? "one of " :
		    "a whole number", enumerated[i].words ?
		    enumerated[i].words : "");
		return said;
	}
	return fault_together(all);
}
