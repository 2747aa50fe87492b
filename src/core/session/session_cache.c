#include "core/session/session_cache.h"

#include <sodium.h>

#include "base/clock.h"
#include "core/session/session_change.h"

#define ENTRY_SECONDS "5"	/* life of a session entry in Redis */
#define ENTRY_LIFE (5 * CLOCK_SECOND)
#define STALE_SECONDS "30"	/* outlives any entry made before the change */
#define CELLS (query_table[Q_session_load].row->ncells)
#define ENTRY_MAGIC "S5"
#define ENTRY_READ (sizeof(ENTRY_MAGIC) - 1)
#define ENTRY_MAC (ENTRY_READ + sizeof(int64_t))
#define ENTRY_HEAD (ENTRY_MAC + CACHE_MAC)

/* Of all that an entry says, and of whose it is (row SE8). */
static void
sign_entry(const struct ctx *x, struct str entry, struct str sid,
    struct str uid,
    uint8_t mac[CACHE_MAC])
{
	const struct str parts[] = { sid, uid,
		str_slice(entry, 0, ENTRY_MAC),
		str_slice(entry, ENTRY_HEAD, entry.n) };

	cache_mac(x->cache, parts, 4, mac);
}

/*
 * The row as an entry: magic, when Postgres read it, a code, then a 32-bit
 * length (all ones: null) and bytes of each cell.
 */
static struct str
pack(struct ctx *x, struct str sid, struct str uid, const struct rows *r)
{
	int64_t read = session_load_row(r, 0).read_at;
	size_t n = ENTRY_HEAD;
	char *p, *at;

	for (int i = 0; i < CELLS; i++)
		n += 4 + r->cells[i].n;
	p = arena_alloc(x->arena, n);
	memcpy(p, ENTRY_MAGIC, ENTRY_READ);
	memcpy(p + ENTRY_READ, &read, sizeof(read));
	at = p + ENTRY_HEAD;
	for (int i = 0; i < CELLS; i++) {
		struct str c = r->cells[i];
		uint32_t len = c.p ? (uint32_t)c.n : UINT32_MAX;

		memcpy(at, &len, 4);
		at += 4;
		if (c.n)
			memcpy(at, c.p, c.n);
		at += c.n;
	}
	sign_entry(x, (struct str){ p, n }, sid, uid, (uint8_t *)p + ENTRY_MAC);
	return (struct str){ p, n };
}

/* Did this instance make it, of this session and user? */
static bool
ours(const struct ctx *x, struct str entry, struct str sid, struct str uid)
{
	uint8_t mac[CACHE_MAC];

	if (entry.n < ENTRY_HEAD || !str_starts(entry, STR(ENTRY_MAGIC)))
		return false;
	sign_entry(x, entry, sid, uid, mac);
	return sodium_memcmp(mac, entry.p + ENTRY_MAC, CACHE_MAC) == 0;
}

static bool
changed(const struct ctx *x, struct str sid, struct str uid, int64_t read)
{
	return session_change_since(x, sid, read) ||
	    session_change_since(x, uid, read) ||
	    session_change_since(x, STR("roles"), read);
}

/*
 * Redis cannot tell how old an entry is: a server that hung carries out old
 * commands later, and somebody may restore an old copy.
 */
static bool
entry_holds(const struct ctx *x, struct str entry, struct str sid,
    struct str uid)
{
	int64_t read, age;

	memcpy(&read, entry.p + ENTRY_READ, sizeof(read));
	age = session_change_clock(x) - read;
	return age > -CLOCK_SECOND && age < ENTRY_LIFE &&
	    !changed(x, sid, uid, read);
}

/* False for anything that pack did not make: then Postgres is asked. */
static bool
unpack(struct ctx *x, struct str entry, struct rows *r)
{
	entry = str_slice(entry, ENTRY_HEAD, entry.n);
	*r = (struct rows){ .n = 1, .columns = CELLS, .q = Q_session_load,
		.cells = arena_array(x->arena, (size_t)CELLS,
		    sizeof(struct str)) };
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

void
session_cache_keep(struct ctx *x, struct str sid, struct str uid,
    const struct rows *r)
{
	struct str argv[] = { STR("SET"),
		cache_name(x->cache, x->arena, "session:", sid),
		pack(x, sid, uid, r), STR("EX"), STR(ENTRY_SECONDS) };
	struct reply reply;

	(void)cache_command(x->cache, x->arena, &reply, 5, argv);
}

static struct str
stale(struct ctx *x, struct str what)
{
	return str_eq(what, STR("roles")) ?
	    cache_name_here(x->cache, x->arena, "stale:", what) :
	    cache_name(x->cache, x->arena, "stale:", what);
}

/* One round trip: the limit's script and everything the session needs. */
static enum err
ask(struct ctx *x, struct limit *l, struct str sid, struct str uid,
    struct str *entry, bool *marked)
{
	struct str argv[] = { STR("MGET"),
		cache_name(x->cache, x->arena, "session:", sid),
		stale(x, sid), stale(x, uid), stale(x, STR("roles")) };
	struct command c[2] = { { argv, 5 } };
	struct reply r[2];
	size_t n = 1;
	enum err e;

	if (l)
		c[n++] = limit_command(x, l);
	e = cache_pipeline(x->cache, x->arena, c, n, r);
	if (e != E_OK)
		return e;
	if (r[0].kind != REPLY_ARRAY || r[0].n != 4)
		return E_UNAVAILABLE;
	*entry = r[0].item[0].kind == REPLY_TEXT ? r[0].item[0].text :
	    STR_NONE;
	for (size_t i = 1; i < 4; i++)
		*marked |= r[0].item[i].kind != REPLY_NIL;
	return l ? limit_reply(x, l, &r[1]) : E_OK;
}

enum err
session_cache_find(struct ctx *x, struct limit *l, struct str sid,
    struct str uid, struct session_found *out)
{
	struct str entry = STR_NONE;
	bool marked = false, heard = session_change_heard(x);
	enum err e = E_OK;

	*out = (struct session_found){ 0 };
	if (!x->config->rate_limiting)
		l = NULL;
	if (!cache_configured(x->cache))
		return E_OK;
	if (heard || l)
		e = ask(x, l, sid, uid, &entry, &marked);
	if (e != E_OK)
		return e;
	/* Looked at after the entry: a change sets its mark first. */
	out->keep = !marked && !changed(x, sid, uid, session_change_clock(x));
	out->ask = session_change_due(x);
	out->hit = out->keep && !out->ask && session_change_heard(x) &&
	    ours(x, entry, sid, uid) && entry_holds(x, entry, sid, uid) &&
	    unpack(x, entry, &out->row);
	return E_OK;
}

void
session_cache_mark(struct ctx *x, struct str what)
{
	struct str argv[] = { STR("SET"), STR_NONE, STR("1"), STR("EX"),
		STR(STALE_SECONDS) };
	struct reply reply;

	if (!cache_configured(x->cache))
		return;
	session_change_mark(x, what);
	argv[1] = stale(x, what);
	(void)cache_command(x->cache, x->arena, &reply, 5, argv);
}
