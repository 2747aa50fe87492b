#include "core/limit.h"

#include "base/clock.h"
#include "base/net.h"
#include "core/limit_settle.h"
#include "core/problem.h"

#define EXACT 32 /* as in limit.lua */
#define SETTLE_MOST 3 /* round trips of one request */
#define HOUR (3600 * CLOCK_SECOND)
#define DAY (24 * HOUR)
#define PER_HOUR 5 /* row RL12 */
#define PER_DAY 20

struct str
limit_network(struct ctx *x)
{
	struct net_addr addr;

	if (!net_parse(x->client, &addr))
		return x->client; /* row RL3: never "skip" */
	return net_key(x->arena, &addr);
}

static struct command
limit_command(struct ctx *x, const struct limit *l)
{
	struct str *argv = arena_array(x->arena, 7, sizeof(*argv));

	argv[0] = STR("EVALSHA");
	argv[1] = cache_script_sha(SCRIPT_LIMIT);
	argv[2] = STR("1");
	argv[3] = cache_name_here(x->cache, x->arena,
	    ARENA_JOIN(x->arena, STR("rate_limit:"), str_of(l->name),
	    STR(":")).p, l->whose);
	argv[4] = arena_int(x->arena, l->max);
	argv[5] = arena_int(x->arena, l->window / CLOCK_MS);
	argv[6] = STR("1");
	return (struct command){ argv, 7 };
}

static enum err
refuse_limit(struct ctx *x, struct limit *l, int64_t retry_us)
{
	metric_limit(l->name);
	l->remaining = 0;
	return problem_wait(x, E_LIMITED, retry_us, "Too many requests.");
}

/* Could the script have said this? */
static bool
possible(const struct limit *l, const struct reply *r)
{
	if (r->kind != REPLY_ARRAY || r->n != 4)
		return false;
	for (size_t i = 0; i < 4; i++)
		if (r->item[i].kind != REPLY_INT || r->item[i].number < 0)
			return false;
	return r->item[1].number <= l->max &&
	    r->item[3].number <= 2 * l->window / CLOCK_MS + 1;
}

enum err
limit_reply(struct ctx *x, struct limit *l, const struct reply *r)
{
	if (!possible(l, r))
		return E_UNAVAILABLE;
	l->known = true;
	l->remaining = (long)r->item[1].number;
	l->reset = r->item[2].number;
	if (r->item[0].number == 1)
		return E_OK;
	return refuse_limit(x, l, r->item[3].number * CLOCK_MS);
}

enum err
limit_try(struct ctx *x, struct str bucket, long max, int64_t window)
{
	struct charge_row row;
	struct rows *r;
	enum err e = db_run(x->db, x->arena, SQL(attempt_charge,
	    .bucket = bucket, .limit = max, .window = window, .lock = 0), &r);

	if (e != E_OK)
		return e;
	row = charge_row(r, 0);
	return row.allowed ? E_OK :
	    problem_later(x, E_LIMITED, row.retry_us, NULL);
}

/* A small limit slides, as in Redis; of a large one the window stands. */
static enum err
charge_in_database(struct ctx *x, const struct limit *l, struct rows **r)
{
	struct str bucket = arena_fmt(x->arena, "limit:%s:%.*s", l->name,
	    STR_FMT(l->whose));

	if (l->max > EXACT)
		return db_run(x->db, x->arena, SQL(attempt_charge,
		    .bucket = bucket, .limit = l->max, .window = l->window,
		    .lock = 0), r);
	return db_run(x->db, x->arena, SQL(attempt_charge_sliding,
	    .bucket = bucket, .limit = l->max, .window = l->window), r);
}

static enum err
take_one(struct ctx *x, struct limit *l)
{
	struct charge_row row;
	struct rows *r;
	enum err e = charge_in_database(x, l, &r);
	int64_t retry;

	if (e != E_OK)
		return e;
	row = charge_row(r, 0);
	retry = row.retry_us;
	l->known = true;
	l->remaining = (long)row.remaining;
	l->reset = (clock_wall() + retry) / CLOCK_SECOND;
	return row.allowed ? E_OK : refuse_limit(x, l, retry);
}

/* Addresses are cheap where a whole /48 is one's own (row RL1). */
static enum err
take_durably(struct ctx *x, struct limit *l)
{
	struct limit site = *l;
	struct net_addr addr;
	enum err e = take_one(x, l);

	if (e != E_OK || !l->by_network || !net_parse(x->client, &addr))
		return e;
	site.whose = net_site(x->arena, &addr);
	if (site.whose.n == 0)
		return e;
	site.max *= LIMIT_SITE;
	e = take_one(x, &site);
	return e == E_LIMITED ? e : E_OK;
}

enum err
limit_mail(struct ctx *x, struct str address, bool again)
{
	int64_t pause = x->config->mail_interval;
	struct limit list[] = {
		{ .name = "mail_pause", .whose = address, .max = 1,
		    .window = pause },
		{ .name = "mail_day", .whose = address, .max = PER_DAY,
		    .window = DAY },
		{ .name = "mail_hour_by", .max = PER_HOUR, .window = HOUR },
		{ .name = "mail_day_by", .max = PER_DAY, .window = DAY },
	};
	enum err e = E_OK;

	for (size_t i = 0; e == E_OK && i < 4; i++) {
		bool repeats = i % 2 == 0; /* what only a repetition takes */

		if (!x->config->rate_limiting || (repeats && !again) ||
		    list[i].window == 0)
			continue;
		if (list[i].whose.n == 0)
			list[i].whose = limit_network(x);
		e = take_one(x, &list[i]);
	}
	return e;
}

enum err
limit_mail_address(struct ctx *x, struct str address)
{
	struct limit l = { .name = "mail_day", .whose = address,
		.max = PER_DAY, .window = DAY };

	return x->config->rate_limiting ? take_one(x, &l) : E_OK;
}

struct job_cap
limit_mail_cap(struct ctx *x, struct str address, bool notice)
{
	if (!x->config->rate_limiting)
		return (struct job_cap){ 0 };
	return (struct job_cap){ .bucket = arena_fmt(x->arena,
	    "limit:mail_day:%.*s", STR_FMT(address)),
	    .max = notice ? PER_DAY / 2 : PER_DAY, .window = DAY };
}

/*
 * Too many for the allowance are owed to the other hosts: settle first, and
 * again where another process has it on its way. True: there is no room any
 * more by what they say.
 */
static bool
others_took_it(struct ctx *x, struct shared_count *c)
{
	long most = limit_allowance(x, c->max);

	if (!cache_configured(x->cache))
		return false;
	for (int i = 0; i < SETTLE_MOST && c->owed > most; i++) {
		if (limit_settle_one(x, c->place) != E_OK)
			return false;
		if (!shared_count_fits(&x->shared->counts, c))
			return true;
	}
	return false;
}

/* In the memory of this host: nobody is asked, or hardly ever (row RL13). */
static enum err
take_on_host(struct ctx *x, struct limit *l)
{
	struct shared_count c = {
		.name = ARENA_JOIN(x->arena, str_of(l->name), STR(":"),
		    l->whose),
		.max = l->max, .window = l->window,
	};
	bool taken = shared_count_take(&x->shared->counts, &c);

	if (taken)
		taken = !others_took_it(x, &c);
	l->known = true;
	l->remaining = c.remaining;
	l->reset = (c.reset + CLOCK_SECOND - 1) / CLOCK_SECOND;
	return taken ? E_OK : refuse_limit(x, l, c.wait);
}

static enum err
take_in_redis(struct ctx *x, struct limit *l)
{
	struct command c;
	struct reply reply;
	enum err e;

	if (!cache_configured(x->cache))
		return E_UNAVAILABLE;
	c = limit_command(x, l);
	e = cache_pipeline(x->cache, x->arena, &c, 1, &reply);
	return e == E_OK ? limit_reply(x, l, &reply) : e;
}

/*
 * Redis let it in. A durable bucket is charged in Postgres too, so that one
 * that was flushed or comes back empty forgets nothing.
 */
static enum err
take_beneath(struct ctx *x, struct limit *l)
{
	struct limit kept = *l;
	enum err e;

	if (!l->durable)
		return E_OK;
	e = take_durably(x, &kept);
	if (e == E_LIMITED || (e == E_OK && kept.remaining < l->remaining))
		*l = kept;
	return e == E_LIMITED ? e : E_OK;
}

/*
 * Of a few, each counts: Redis has their times, and is asked for each. So it is
 * by a process that shares no memory.
 */
static bool
in_memory(const struct ctx *x, const struct limit *l)
{
	return !l->durable && !x->shared->alone && l->max > EXACT &&
	    l->window >= CLOCK_SECOND &&
	    strlen(l->name) + 1 + l->whose.n <= SHARED_COUNT_NAME;
}

enum err
limit_take(struct ctx *x, struct limit *l)
{
	enum err e;

	if (!x->config->rate_limiting)
		return E_OK;
	if (l->whose.p == NULL)
		l->whose = limit_network(x);
	if (in_memory(x, l))
		return take_on_host(x, l);
	e = take_in_redis(x, l);
	if (e == E_OK)
		return take_beneath(x, l);
	if (e != E_UNAVAILABLE)
		return e;
	return l->durable ? take_durably(x, l) : take_on_host(x, l);
}
