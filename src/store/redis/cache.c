#include "store/redis/cache.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "runtime/metric.h"
#include "store/redis/cache_private.h"

#define PIPELINE_MAX (4u << 20) /* bytes sent in one round trip */

struct cache *
cache_new(const struct cache_options *o)
{
	struct cache *c = memory_new("the cache", 1, sizeof *c);

	c->host = memory_copy("its host", o->host ? o->host : "");
	c->password = memory_copy("its password",
	    o->password ? o->password : "");
	c->prefix = memory_copy("its prefix", o->prefix ? o->prefix : "");
	c->o = *o;
	c->o.host = c->host;
	c->o.password = c->password;
	c->o.prefix = c->prefix;
	if (o->instance)
		c->instance = *o->instance;
	c->o.instance = NULL;
	c->fd = -1;
	return c;
}

void
cache_close(struct cache **c)
{
	if (!*c)
		return;
	cache_conn_drop(*c);
	explicit_bzero((*c)->password, strlen((*c)->password));
	free((*c)->password);
	free((*c)->host);
	free((*c)->prefix);
	explicit_bzero(&(*c)->instance, sizeof (*c)->instance);
	free(*c);
	*c = NULL;
}

bool
cache_configured(const struct cache *c)
{
	return c && c->host[0] != 0;
}

static void
put_count(struct buf *b, char kind, size_t n)
{
	buf_byte(b, kind);
	buf_int(b, (long long)n);
	buf_add(b, STR("\r\n"));
}

/*
 * One command in the wire's form: counted words, so none can become another
 * (row HB10). By hand, for hiredis would allocate and copy each.
 */
static bool
encode_command(struct buf *b, const struct command *k)
{
	put_count(b, '*', k->argc);
	for (size_t i = 0; i < k->argc; i++) {
		put_count(b, '$', k->argv[i].n);
		buf_add(b, k->argv[i]);
		buf_add(b, STR("\r\n"));
	}
	return k->argc > 0 && !b->full;
}

/* Commands there, replies back; what goes wrong costs the connection. */
static enum err
talk(struct cache *c, struct arena *a, const struct command *k, size_t n,
    struct reply *replies, int64_t deadline)
{
	struct buf b = buf_new(a, PIPELINE_MAX);
	const char *why;

	for (size_t i = 0; i < n; i++)
		if (!encode_command(&b, &k[i])) {
			log_error("a cache command is too large");
			return E_INTERNAL;
		}
	why = cache_conn_talk(c, a, buf_str(&b), replies, n, deadline);
	if (!why)
		return E_OK;
	cache_conn_fail(c, why);
	return E_UNAVAILABLE;
}

/* AUTH and SELECT, where they are needed, in one round trip. */
static enum err
introduce(struct cache *c, struct arena *a, int64_t deadline)
{
	struct str auth[] = { STR("AUTH"), str_of(c->password) };
	struct str select[] = { STR("SELECT"), arena_fmt(a, "%d", c->o.db) };
	struct command k[2];
	struct reply r[2];
	size_t n = 0;
	enum err e = E_OK;

	if (auth[1].n)
		k[n++] = (struct command){ auth, 2 };
	if (c->o.db != 0)
		k[n++] = (struct command){ select, 2 };
	if (n)
		e = talk(c, a, k, n, r, deadline);
	for (size_t i = 0; e == E_OK && i < n; i++)
		if (r[i].kind == REPLY_ERROR) {
			cache_conn_fail(c, cache_fault(&r[i]));
			e = E_UNAVAILABLE;
		}
	return e;
}

static enum err
cache_ready(struct cache *c, struct arena *a)
{
	int64_t now;
	const char *why;
	enum err e;

	if (!cache_configured(c))
		return E_UNAVAILABLE;
	if (cache_conn_alive(c))
		return E_OK;
	cache_conn_drop(c);
	now = clock_mono();
	if (now < c->retry_at)
		return E_UNAVAILABLE;
	why = cache_conn_open(c, now + c->o.timeout);
	if (why) {
		cache_conn_fail(c, why);
		return E_UNAVAILABLE;
	}
	e = introduce(c, a, now + 2 * c->o.timeout);
	return e;
}

static bool
unknown_script(const struct command *k, const struct reply *r)
{
	return r->kind == REPLY_ERROR && k->argc > 2 &&
	    str_starts(r->text, STR("NOSCRIPT")) &&
	    cache_script_source(k->argv[1]).p;
}

/* Send the scripts that Redis has forgotten, by their source this time. */
static enum err
send_sources(struct cache *c, struct arena *a, const struct command *k,
    size_t n, struct reply *replies)
{
	struct command *again = arena_array(a, n, sizeof *again);
	struct reply *r = arena_array(a, n, sizeof *r);
	size_t m = 0;
	enum err e;

	for (size_t i = 0; i < n; i++) {
		struct str *argv;

		if (!unknown_script(&k[i], &replies[i]))
			continue;
		argv = arena_array(a, k[i].argc, sizeof *argv);
		memcpy(argv, k[i].argv, k[i].argc * sizeof *argv);
		argv[0] = STR("EVAL");
		argv[1] = cache_script_source(k[i].argv[1]);
		again[m++] = (struct command){ argv, k[i].argc };
	}
	if (m == 0)
		return E_OK;
	e = talk(c, a, again, m, r, clock_mono() + c->o.timeout);
	for (size_t i = 0, j = 0; e == E_OK && i < n; i++)
		if (unknown_script(&k[i], &replies[i]))
			replies[i] = r[j++];
	return e;
}

/*
 * A server that answers but cannot do the work counts as none: its other
 * replies are not used either, and a new connection may reach another server.
 */
static enum err
usable(struct cache *c, const struct reply *replies, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const char *why = cache_fault(&replies[i]);

		if (why) {
			cache_conn_fail(c, why);
			return E_UNAVAILABLE;
		}
	}
	if (c->pause != 0)
		cache_conn_back(c);
	return E_OK;
}

enum err
cache_pipeline(struct cache *c, struct arena *a, const struct command *k,
    size_t n, struct reply *replies)
{
	enum err e = cache_ready(c, a);
	int64_t start = clock_mono();

	if (e == E_OK) {
		e = talk(c, a, k, n, replies, start + c->o.timeout);
		metric_took(METRIC_TIME_REDIS, clock_mono() - start);
	}
	if (e != E_OK)
		return e;
	e = send_sources(c, a, k, n, replies);
	return e == E_OK ? usable(c, replies, n) : e;
}

enum err
cache_command(struct cache *c, struct arena *a, struct reply *reply,
    size_t argc, const struct str *argv)
{
	const struct command k = { argv, argc };

	return cache_pipeline(c, a, &k, 1, reply);
}

/* What requests need: several keys at once, a script, a write. */
static bool
understood(const struct reply r[3])
{
	return r[0].kind == REPLY_ARRAY && r[1].kind == REPLY_ARRAY &&
	    r[2].kind == REPLY_TEXT;
}

int64_t
cache_probe(struct cache *c, struct arena *a, const char **why)
{
	int64_t start = clock_mono();
	struct str get[] = { STR("MGET"),
		cache_name_here(c, a, "session:", STR("probe")),
		cache_name_here(c, a, "stale:", STR("probe")) };
	struct str run[] = { STR("EVALSHA"), cache_script_sha(SCRIPT_LIMIT),
		STR("1"), cache_name_here(c, a, "rate_limit:probe:",
		STR("probe")), STR("1000000"), STR("1000"), STR("1") };
	struct str set[] = { STR("SET"), get[2], STR("1"), STR("EX"),
		STR("5") };
	const struct command k[] = { { get, 3 }, { run, 7 }, { set, 5 } };
	struct reply r[3];

	if (cache_pipeline(c, a, k, 3, r) != E_OK)
		*why = c->why ? c->why : "no connection";
	else if (!understood(r))
		*why = "it answers what was not asked";
	else
		return clock_mono() - start;
	return -1;
}

uint64_t
cache_round_trips(const struct cache *c)
{
	return c->trips;
}
