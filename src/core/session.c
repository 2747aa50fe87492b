#include "core/session.h"

#include <sodium.h>

#include "base/clock.h"
#include "base/encoding.h"
#include "base/log.h"
#include "core/signing.h"
#include "crypto/token.h"

#define ENTRY_SECONDS "5"	/* life of a session entry in Redis */
#define STALE_SECONDS "30"	/* outlives any entry made before the change */
#define DOUBT (8 * CLOCK_SECOND) /* entry's life, and the longest read */
#define RECENT (600 * CLOCK_SECOND)
#define CELLS 23
#define EPOCH_KEY "session:epoch"
#define ENTRY_MAGIC "S1"

struct tokens *
session_tokens(struct ctx *x, struct str user_id, struct str session_id,
    uint32_t generation)
{
	struct tokens *t = ARENA_NEW(x->arena, struct tokens);
	int64_t now = clock_wall() / CLOCK_SECOND;
	struct uuid id;
	struct jwt_claims c = {
		.iss = str_of(signing_issuer(x->config)),
		.aud = str_of(x->config->jwt_audience),
		.sub = user_id,
		.sid = session_id,
		.jti = uuid_text(x->arena, uuid_v7()),
		.iat = now,
		.exp = now + x->config->access_ttl / CLOCK_SECOND,
	};

	if (!uuid_parse(session_id, &id))
		log_error("session id is not a uuid");
	t->access = jwt_sign(x->arena, x->jwt, &c);
	t->refresh = token_make(x->arena, x->keys, TOKEN_REFRESH, id,
	    generation);
	t->expires_in = x->config->access_ttl / CLOCK_SECOND;
	t->session_id = session_id;
	return t;
}

static struct session *
from_cells(struct ctx *x, const struct rows *r, struct str sid,
    struct str uid)
{
	struct session *s = ARENA_NEW(x->arena, struct session);

	s->id = sid;
	s->numeric_id = row_int(r, 0, 0);
	s->amr = row_str(r, 0, 1);
	s->ip_address = row_str(r, 0, 2);
	s->user_agent = row_str(r, 0, 3);
	s->created_at = row_int(r, 0, 4);
	s->proved_at = row_int(r, 0, 5);
	s->expires_at = row_int(r, 0, 6);
	s->account = (struct account){
		.id = uid,
		.numeric_id = row_int(r, 0, 7),
		.email = row_str(r, 0, 8),
		.username = row_str(r, 0, 9),
		.first_name = row_str(r, 0, 10),
		.last_name = row_str(r, 0, 11),
		.full_name = row_str(r, 0, 12),
		.is_active = true,
		.is_verified = row_bool(r, 0, 13),
		.two_factor_enabled = row_bool(r, 0, 14),
		.roles = row_str(r, 0, 15),
		.picture_url = row_str(r, 0, 16),
		.cover_url = row_str(r, 0, 17),
		.last_login_at = row_int(r, 0, 18),
		.created_at = row_int(r, 0, 19),
		.updated_at = row_int(r, 0, 20),
	};
	s->role_version = row_int(r, 0, 21);
	return s;
}

/* The row as an entry: magic, then a 32-bit length (all ones: null) a cell. */
static struct str
pack(struct ctx *x, const struct rows *r)
{
	size_t n = sizeof(ENTRY_MAGIC) - 1;
	char *p, *at;

	for (int i = 0; i < CELLS; i++)
		n += 4 + row_str(r, 0, i).n;
	p = at = arena_alloc(x->arena, n);
	memcpy(at, ENTRY_MAGIC, sizeof(ENTRY_MAGIC) - 1);
	at += sizeof(ENTRY_MAGIC) - 1;
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

/* False for anything that pack did not make: then Postgres is asked. */
static bool
unpack(struct ctx *x, struct str entry, struct rows *r)
{
	if (!str_starts(entry, STR(ENTRY_MAGIC)))
		return false;
	entry = str_slice(entry, sizeof(ENTRY_MAGIC) - 1, entry.n);
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
cache_believed(const struct ctx *x)
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
		STR("NX") };
	struct reply reply;

	randombytes_buf(&n, sizeof(n));
	argv[2] = hex_encode(x->arena, (struct str){ (char *)&n, sizeof(n) });
	(void)cache_command(x->cache, x->arena, &reply, 4, argv);
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

static void
remember(struct ctx *x, struct str sid, const struct rows *r)
{
	struct str argv[] = { STR("SET"), key(x, "session:", sid), pack(x, r),
		STR("EX"), STR(ENTRY_SECONDS) };
	struct reply reply;

	(void)cache_command(x->cache, x->arena, &reply, 5, argv);
}

static enum err
load(struct ctx *x, struct str sid, struct str uid, bool keep,
    struct session **out)
{
	struct rows *r;
	enum err e = db_exec(x->db, x->arena, Q_SESSION_LOAD, &r, A_STR(sid),
	    A_STR(uid));

	if (e != E_OK)
		return e;
	if (r->n == 0)
		return E_TOKEN_INVALID;
	if (row_bool(r, 0, 22))
		(void)db_exec(x->db, x->arena, Q_SESSION_TOUCH, NULL,
		    A_STR(sid));
	*out = from_cells(x, r, sid, uid);
	if (keep)
		remember(x, sid, r);
	return E_OK;
}

/* One round trip: the limit's script and everything the session needs. */
static enum err
ask_cache(struct ctx *x, struct limit *l, struct str sid, struct str uid,
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

static enum err
find(struct ctx *x, struct limit *l, struct str sid, struct str uid,
    struct session **out)
{
	struct str entry = STR_NONE, epoch = STR_NONE;
	bool stale = false, believed = cache_believed(x);
	struct rows r;
	enum err e;

	if (!x->config->rate_limiting)
		l = NULL;
	if (!believed && l == NULL)
		return load(x, sid, uid, false, out);
	if (!cache_configured(x->cache))
		return load(x, sid, uid, false, out);
	e = ask_cache(x, l, sid, uid, &entry, &epoch, &stale);
	if (e == E_LIMITED)
		return e;
	if (e != E_OK || !believed || stale || !same_content(x, epoch) ||
	    !cache_believed(x))
		return load(x, sid, uid, false, out);
	if (entry.p == NULL || !unpack(x, entry, &r))
		return load(x, sid, uid, true, out);
	*out = from_cells(x, &r, sid, uid);
	return E_OK;
}

enum err
session_of_token(struct ctx *x, struct str token, struct limit *limit,
    struct session **out)
{
	struct jwt_check check = {
		.iss = signing_issuer(x->config),
		.aud = x->config->jwt_audience,
		.now = clock_wall() / CLOCK_SECOND,
		.max_ttl = x->config->access_ttl / CLOCK_SECOND,
	};
	struct jwt_claims c;
	struct uuid u;
	enum err e = jwt_verify(x->arena, x->jwt, &check, token, &c);

	if (e != E_OK)
		return e;
	if (!uuid_parse(c.sub, &u) || !uuid_parse(c.sid, &u))
		return E_TOKEN_INVALID;
	if (limit)
		limit->whose = c.sub;
	return find(x, limit, c.sid, c.sub, out);
}

static void
mark(struct ctx *x, struct str what)
{
	struct str argv[] = { STR("SET"), what, STR("1"), STR("EX"),
		STR(STALE_SECONDS) };
	struct reply reply;

	if (!cache_configured(x->cache))
		return;
	if (cache_command(x->cache, x->arena, &reply, 5, argv) == E_OK &&
	    reply.kind != REPLY_ERROR)
		return;
	doubt(x);
}

void
session_stale(struct ctx *x, struct str id)
{
	mark(x, key(x, "stale:", id));
}

void
session_stale_roles(struct ctx *x)
{
	mark(x, STR("stale:roles"));
}

enum err
session_end(struct ctx *x, struct str user_id, struct str session_id,
    enum session_scope scope, const char *reason)
{
	static const char *const names[] = { "this", "others", "all" };

	session_stale(x, scope == SESSION_THIS ? session_id : user_id);
	return db_exec(x->db, x->arena, Q_SESSION_END, NULL, A_STR(user_id),
	    A_STR(session_id), A_TEXT(names[scope]), A_TEXT(reason),
	    A_STR(x->client), A_STR(x->user_agent), A_STR(x->request_id));
}

enum err
session_end_one(struct ctx *x, struct str user_id, struct str id)
{
	struct rows *r;
	enum err e = db_exec(x->db, x->arena, Q_SESSION_LOCATE, &r,
	    A_STR(user_id), A_STR(id));

	if (e == E_OK && r->n == 0)
		e = E_NOT_FOUND;
	if (e != E_OK)
		return e;
	session_stale(x, row_str(r, 0, 0));
	e = db_exec(x->db, x->arena, Q_SESSION_END_ONE, &r, A_STR(user_id),
	    A_STR(id), A_STR(x->client), A_STR(x->user_agent),
	    A_STR(x->request_id));
	return e == E_OK && r->n == 0 ? E_NOT_FOUND : e;
}

enum err
session_list(struct ctx *x, struct str user_id, long limit, long offset,
    struct session_entry **out, size_t *n, int64_t *total)
{
	struct rows *r;
	enum err e = db_exec(x->db, x->arena, Q_SESSION_LIST, &r,
	    A_STR(user_id), A_INT(limit), A_INT(offset));

	if (e != E_OK)
		return e;
	if (r->n == 0 && offset > 0) { /* past the end: the total alone */
		e = session_list(x, user_id, 1, 0, out, n, total);
		*n = 0;
		return e;
	}
	*n = r->n;
	*total = r->n ? row_int(r, 0, 8) : 0;
	*out = arena_array(x->arena, r->n + 1, sizeof(**out));
	for (size_t i = 0; i < r->n; i++)
		(*out)[i] = (struct session_entry){
			.id = row_str(r, i, 0),
			.numeric_id = row_int(r, i, 1),
			.ip_address = row_str(r, i, 2),
			.user_agent = row_str(r, i, 3),
			.created_at = row_int(r, i, 4),
			.last_used_at = row_int(r, i, 5),
			.expires_at = row_int(r, i, 6),
			.amr = row_str(r, i, 7),
		};
	return E_OK;
}

bool
session_recent(const struct session *s)
{
	return clock_wall() - s->proved_at <= RECENT;
}
