#include "core/session/session_cache.h"

#include <sodium.h>

#include "base/clock.h"
#include "core/session/session_change.h"
#include "core/session/session_entry.h"
#include "core/session/session_news.h"

#define ENTRY_SECONDS "5"	/* life of a session entry in Redis */
#define STALE_SECONDS "30"	/* outlives any entry made before the change */
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

/* The row as an entry: magic, when Postgres read it, a code, then its cells. */
static struct str
pack(struct ctx *x, struct str sid, struct str uid, const struct rows *r)
{
	int64_t read = session_load_row(r, 0).read_at;
	struct str entry = session_entry_pack(x, ENTRY_HEAD, r);
	char *p = (char *)(uintptr_t)entry.p;

	memcpy(p, ENTRY_MAGIC, ENTRY_READ);
	memcpy(p + ENTRY_READ, &read, sizeof(read));
	sign_entry(x, entry, sid, uid, (uint8_t *)p + ENTRY_MAC);
	return entry;
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
entry_holds(const struct ctx *x, struct str entry, struct str sid,
    struct str uid)
{
	int64_t read;

	memcpy(&read, entry.p + ENTRY_READ, sizeof(read));
	return session_entry_holds(x, sid, uid, read);
}

void
session_cache_keep(struct ctx *x, struct str sid, struct str uid,
    const struct rows *r)
{
	struct str argv[] = { STR("SET"),
		cache_name(x->cache, x->arena, "session:", sid),
		pack(x, sid, uid, r), STR("EX"), STR(ENTRY_SECONDS) };
	struct reply reply;

	if (cache_configured(x->cache))
		(void)cache_command(x->cache, x->arena, &reply, 5, argv);
}

static struct str
stale(struct ctx *x, struct str what)
{
	return str_eq(what, STR("roles")) ?
	    cache_name_here(x->cache, x->arena, "stale:", what) :
	    cache_name(x->cache, x->arena, "stale:", what);
}

/* One round trip: the entry, and whether somebody marked it. */
static struct str
ask(struct ctx *x, struct str sid, struct str uid, bool *marked)
{
	struct str argv[] = { STR("MGET"),
		cache_name(x->cache, x->arena, "session:", sid),
		stale(x, sid), stale(x, uid), stale(x, STR("roles")) };
	struct reply r;

	if (cache_command(x->cache, x->arena, &r, 5, argv) != E_OK ||
	    r.kind != REPLY_ARRAY || r.n != 4)
		return STR_NONE;
	for (size_t i = 1; i < 4; i++)
		*marked |= r.item[i].kind != REPLY_NIL;
	return r.item[0].kind == REPLY_TEXT ? r.item[0].text : STR_NONE;
}

void
session_cache_find(struct ctx *x, struct str sid, struct str uid,
    struct session_found *out)
{
	struct str entry = STR_NONE;
	bool marked = false;

	if (cache_configured(x->cache) && session_change_heard(x))
		entry = ask(x, sid, uid, &marked);
	/* Looked at after the entry: a change sets its mark first. */
	out->keep = !marked && !session_entry_changed(x, sid, uid,
	    session_change_clock(x));
	out->ask = out->ask || session_change_due(x);
	out->hit = out->keep && !out->ask && session_change_heard(x) &&
	    ours(x, entry, sid, uid) && entry_holds(x, entry, sid, uid) &&
	    session_entry_unpack(x, str_slice(entry, ENTRY_HEAD, entry.n),
	    &out->row);
}

void
session_cache_mark(struct ctx *x, struct str what)
{
	struct str argv[] = { STR("SET"), STR_NONE, STR("1"), STR("EX"),
		STR(STALE_SECONDS) };
	struct command c[2] = { { argv, 5 } };
	struct reply r[2];

	session_change_mark(x, what);
	if (!cache_configured(x->cache))
		return;
	argv[1] = stale(x, what);
	c[1] = session_news_command(x, what);
	(void)cache_pipeline(x->cache, x->arena, c, 2, r);
}
