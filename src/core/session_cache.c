#include "core/session_cache.h"

#include <sodium.h>

#include "base/clock.h"
#include "base/encoding.h"

#define ENTRY_SECONDS "5"	/* life of a session entry in Redis */
#define ENTRY_LIFE (5 * CLOCK_SECOND)
#define STALE_SECONDS "30"	/* outlives any entry made before the change */
#define DOUBT (8 * CLOCK_SECOND) /* entry's life, and the longest read */
#define CELLS SESSION_CELLS
#define EPOCH_KEY "session:epoch"
#define EPOCH_SECONDS "2592000" /* row RL9; the next one costs DOUBT once */
#define ENTRY_MAGIC "S2"
#define ENTRY_HEAD (sizeof(ENTRY_MAGIC) - 1 + sizeof(int64_t))

/*
 * The row as an entry: magic, when it was made, then a 32-bit length (all
 * ones: null) and bytes of each cell.
 */
static struct str
pack(struct ctx *x, const struct rows *r)
{
	size_t n = ENTRY_HEAD;
	int64_t now = clock_wall();
	char *p, *at;

	for (int i = 0; i < CELLS; i++)
		n += 4 + row_str(r, 0, i).n;
	p = at = arena_alloc(x->arena, n);
	memcpy(at, ENTRY_MAGIC, sizeof(ENTRY_MAGIC) - 1);
	memcpy(at + sizeof(ENTRY_MAGIC) - 1, &now, sizeof(now));
	at += ENTRY_HEAD;
	for (int i = 0; i < CELLS; i++) {
		struct str c = row_str(r, 0, i);
		uint32_t len = c.p ? (uint32_t)c.n : UINT32_MAX;

		memcpy(at, &len, 4);
		at += 4;
		if (c.n)
			memcpy(at, c.p, c.n);
		at += c.n;
	}
	return (struct str){ p, n };
}

/*
 * Redis is not the one to say how old an entry is: a server that hung carries
 * out later what it was told before. A clock that was set back makes none
 * younger.
 */
static bool
fresh(struct str entry)
{
	int64_t made, age;

	if (entry.n < ENTRY_HEAD || !str_starts(entry, STR(ENTRY_MAGIC)))
		return false;
	memcpy(&made, entry.p + sizeof(ENTRY_MAGIC) - 1, sizeof(made));
	if (__builtin_sub_overflow(clock_wall(), made, &age))
		return false;
	return age > -CLOCK_SECOND && age < ENTRY_LIFE;
}

/* False for anything that pack did not make: then Postgres is asked. */
static bool
unpack(struct ctx *x, struct str entry, struct rows *r)
{
	if (!fresh(entry))
		return false;
	entry = str_slice(entry, ENTRY_HEAD, entry.n);
	*r = (struct rows){ .n = 1, .columns = CELLS,
		.cells = arena_array(x->arena, CELLS, sizeof(struct str)) };
	for (int i = 0; i < CELLS; i++) {
		uint32_t len;

		if (entry.n < 4)
			return false;
		memcpy(&len, entry.p, 4);
		entry = str_slice(entry, 4, entry.n);
		if (len == UINT32_MAX)
			continue;
		if (len > entry.n)
			return false;
		r->cells[i] = str_slice(entry, 0, len);
		entry = str_slice(entry, len, entry.n);
	}
	return entry.n == 0;
}

static struct str
key(struct ctx *x, const char *kind, struct str id)
{
	char *p = arena_alloc(x->arena, strlen(kind) + id.n + 1);
	size_t n = strlen(kind);

	memcpy(p, kind, n);
	if (id.n)
		memcpy(p + n, id.p, id.n);
	return (struct str){ p, n + id.n };
}

static bool
believed(const struct ctx *x)
{
	return cache_configured(x->cache) &&
	    atomic_load(&x->shared->cache_doubt_until) <= clock_mono();
}

static void
doubt(struct ctx *x)
{
	atomic_store(&x->shared->cache_doubt_until, clock_mono() + DOUBT);
}

/* The 64 bits of an epoch; 0 for anything that new_epoch did not make. */
static uint64_t
epoch_number(struct ctx *x, struct str text)
{
	struct str bytes;
	uint64_t n = 0;

	if (text.n == 2 * sizeof(n) && hex_decode(x->arena, text, &bytes))
		memcpy(&n, bytes.p, sizeof(n));
	return n;
}

static void
new_epoch(struct ctx *x)
{
	uint64_t n;
	struct str argv[] = { STR("SET"), STR(EPOCH_KEY), STR_NONE,
		STR("NX"), STR("EX"), STR(EPOCH_SECONDS) };
	struct reply reply;

	randombytes_buf(&n, sizeof(n));
	argv[2] = hex_encode(x->arena, (struct str){ (char *)&n, sizeof(n) });
	(void)cache_command(x->cache, x->arena, &reply, 6, argv);
}

/*
 * Marks are lost with what was emptied, and a Redis that was started anew may
 * hold a snapshot from before them (row RT9). Where the epoch or the server
 * is another one, entries are doubted for as long as they can live and a
 * change that marked before can take to commit.
 */
static bool
same_content(struct ctx *x, struct str epoch)
{
	uint64_t number = epoch_number(x, epoch);
	uint64_t server = cache_server(x->cache, x->arena);
	uint64_t both = number && server ? number ^ server : 0;

	if (both && both == atomic_load(&x->shared->cache_content))
		return true;
	doubt(x); /* before the number: who sees it sees the doubt too */
	atomic_store(&x->shared->cache_content, both);
	if (epoch.p == NULL)
		new_epoch(x);
	return false;
}

void
session_cache_keep(struct ctx *x, struct str sid, const struct rows *r)
{
	struct str argv[] = { STR("SET"), key(x, "session:", sid), pack(x, r),
		STR("EX"), STR(ENTRY_SECONDS) };
	struct reply reply;

	(void)cache_command(x->cache, x->arena, &reply, 5, argv);
}

/* One round trip: the limit's script and everything the session needs. */
static enum err
ask(struct ctx *x, struct limit *l, struct str sid, struct str uid,
    struct str *entry, struct str *epoch, bool *stale)
{
	struct str argv[] = { STR("MGET"), key(x, "session:", sid),
		key(x, "stale:", sid), key(x, "stale:", uid),
		STR("stale:roles"), STR(EPOCH_KEY) };
	struct command c[2] = { { argv, 6 } };
	struct reply r[2];
	size_t n = 1;
	enum err e;

	if (l)
		c[n++] = limit_command(x, l);
	e = cache_pipeline(x->cache, x->arena, c, n, r);
	if (e != E_OK)
		return e;
	if (r[0].kind != REPLY_ARRAY || r[0].n != 5)
		return E_UNAVAILABLE;
	*entry = r[0].item[0].kind == REPLY_TEXT ? r[0].item[0].text :
	    STR_NONE;
	*epoch = r[0].item[4].kind == REPLY_TEXT ? r[0].item[4].text :
	    STR_NONE;
	for (size_t i = 1; i < 4; i++)
		*stale |= r[0].item[i].kind != REPLY_NIL;
	return l ? limit_reply(x, l, &r[1]) : E_OK;
}

enum err
session_cache_find(struct ctx *x, struct limit *l, struct str sid,
    struct str uid, struct session_found *out)
{
	struct str entry = STR_NONE, epoch = STR_NONE;
	bool stale = false, trust = believed(x);
	enum err e;

	*out = (struct session_found){ 0 };
	if (!x->config->rate_limiting)
		l = NULL;
	if (!cache_configured(x->cache) || (!trust && l == NULL))
		return E_OK;
	e = ask(x, l, sid, uid, &entry, &epoch, &stale);
	if (e != E_OK || !same_content(x, epoch) || !trust || stale ||
	    !believed(x))
		return e;
	out->keep = true;
	out->hit = unpack(x, entry, &out->row);
	return E_OK;
}

void
session_cache_mark(struct ctx *x, struct str what)
{
	struct str argv[] = { STR("SET"), key(x, "stale:", what), STR("1"),
		STR("EX"), STR(STALE_SECONDS) };
	struct reply reply;

	if (!cache_configured(x->cache))
		return;
	if (cache_command(x->cache, x->arena, &reply, 5, argv) == E_OK &&
	    reply.kind != REPLY_ERROR)
		return;
	doubt(x);
}
