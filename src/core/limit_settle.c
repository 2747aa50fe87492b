#include "core/limit_settle.h"

#include "base/clock.h"
#include "runtime/shared_debt.h"

#define SHARE 10    /* all hosts may owe a tenth of a limit */
#define HOSTS_MIN 2 /* another one may begin at any moment */
#define BATCH 64    /* windows in one call */
#define HEAD 4	    /* words before the keys */
#define WORDS 4	    /* of a window, behind the keys */
#define SAID 3	    /* numbers that come back for a window */
#define EXACT_IN_LUA (INT64_C(1) << 53)

/* What is owed to the others, as it goes out. */
struct batch {
	struct shared_debt debt[BATCH];
	size_t n;
};

long
limit_allowance(const struct ctx *x, long max)
{
	int64_t hosts = atomic_load(&x->shared->counts.hosts);

	return max / (SHARE * (hosts < HOSTS_MIN ? HOSTS_MIN : (long)hosts));
}

/* A word for this host, and one for each life of a place on it. */
static struct str
hex_of(struct ctx *x, uint64_t n)
{
	return arena_fmt(x->arena, "h%016llx", (unsigned long long)n);
}

/* "user:…" as the key that limit.lua has for it. */
static struct str
key_of(struct ctx *x, const struct shared_debt *d)
{
	struct str name = { d->name, d->n };
	size_t colon = str_find(name, ':');
	struct str whose = str_slice(name, colon + 1, name.n);

	return cache_name_here(x->cache, x->arena, arena_fmt(x->arena,
	    "rate_limit:%.*s:", (int)colon, name.p).p, whose);
}

static void
write_debt(struct ctx *x, const struct shared_debt *d, struct str *argv)
{
	argv[0] = arena_int(x->arena, d->window / CLOCK_MS);
	argv[1] = arena_int(x->arena, d->bucket);
	argv[2] = arena_int(x->arena, d->owed);
	argv[3] = hex_of(x, d->owner);
}

static struct command
settle_command(struct ctx *x, const struct batch *b)
{
	size_t keys = HEAD + b->n, n = keys + 1 + WORDS * b->n;
	struct str *argv = arena_array(x->arena, n, sizeof(*argv));

	argv[0] = STR("EVALSHA");
	argv[1] = cache_script_sha(SCRIPT_SETTLE);
	argv[2] = arena_int(x->arena, (long long)b->n + 1);
	argv[3] = cache_name_here(x->cache, x->arena, "rate_limit:hosts:",
	    STR("all"));
	argv[keys] = hex_of(x, atomic_load(&x->shared->counts.secret[0]));
	for (size_t i = 0; i < b->n; i++) {
		argv[HEAD + i] = key_of(x, &b->debt[i]);
		write_debt(x, &b->debt[i], argv + keys + 1 + WORDS * i);
	}
	return (struct command){ argv, n };
}

/*
 * Could the script have said this? Redis is not believed; no larger number is
 * exact in Lua.
 */
static bool
possible(const struct batch *b, const struct reply *r)
{
	if (r->kind != REPLY_ARRAY || r->n != 2 + SAID * b->n)
		return false;
	for (size_t i = 0; i < r->n; i++)
		if (r->item[i].kind != REPLY_INT || r->item[i].number < 0 ||
		    r->item[i].number > EXACT_IN_LUA)
			return false;
	return true;
}

static long
bounded(int64_t n)
{
	return n > INT32_MAX ? INT32_MAX : (long)n;
}

static void
learn(struct ctx *x, const struct batch *b, const struct reply *r)
{
	struct shared_counts *t = &x->shared->counts;

	shared_count_clock(t, r->item[0].number);
	atomic_store(&t->hosts, r->item[1].number);
	for (size_t i = 0; i < b->n; i++) {
		const struct reply *said = &r->item[2 + SAID * i];

		shared_debt_learn(t, &b->debt[i], said[0].number,
		    bounded(said[1].number), bounded(said[2].number));
	}
}

/* What was on its way is not told again, for it may have arrived. */
static void
lose(struct ctx *x, const struct batch *b)
{
	for (size_t i = 0; i < b->n; i++)
		shared_debt_learn(&x->shared->counts, &b->debt[i], 0, -1,
		    -1);
	atomic_store(&x->shared->counts.hosts, 0);
}

static enum err
settle(struct ctx *x, const struct batch *b)
{
	struct command c;
	struct reply r;
	enum err e = E_UNAVAILABLE;

	if (cache_configured(x->cache)) {
		c = settle_command(x, b);
		e = cache_pipeline(x->cache, x->arena, &c, 1, &r);
	}
	if (e == E_OK && !possible(b, &r))
		e = E_UNAVAILABLE;
	if (e == E_OK)
		learn(x, b, &r);
	else
		lose(x, b);
	atomic_fetch_add(&x->shared->settled[e == E_OK], 1);
	return e;
}

enum err
limit_settle_one(struct ctx *x, size_t place)
{
	struct batch *b = ARENA_NEW(x->arena, struct batch);

	/* Where somebody else tells it, this only hears of the others. */
	(void)shared_debt_claim(&x->shared->counts, place, &b->debt[0]);
	b->n = b->debt[0].bucket > 0;
	return settle(x, b);
}

bool
limit_settle_due(struct ctx *x, int64_t every)
{
	return cache_configured(x->cache) &&
	    shared_debt_due(&x->shared->counts, every);
}

void
limit_settle(struct ctx *x)
{
	struct batch *b = ARENA_NEW(x->arena, struct batch);
	struct shared_counts *t = &x->shared->counts;
	enum err e = E_OK;
	size_t place = 0;

	for (bool more = true; more && e == E_OK;) {
		b->n = 0;
		while (b->n < BATCH &&
		    (more = shared_debt_next(t, &place)))
			b->n += shared_debt_claim(t, place,
			    &b->debt[b->n]);
		if (b->n)
			e = settle(x, b);
	}
}
