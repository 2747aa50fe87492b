#include "queue/courier.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "core/webhook_url.h"
#include "queue/delivery.h"
#include "queue/transfer.h"
#include "queue/worker.h"

#define SLOTS 128
#define PER_ENDPOINT 8
#define CLAIM 64
#define POLL_MS 500
#define PATIENCE_MS 200
#define GRACE (10 * CLOCK_SECOND)
#define RESTART_AFTER CLOCK_SECOND
#define BEGUN_MAX 100 /* tries that never ended: the message kills us */

struct load {
	bool used;
	struct arena *arena; /* of what follows */
	struct delivery d;
};

struct round {
	const struct config *config;
	struct queue *queue;
	struct http_pool *pool;
	struct load loads[SLOTS];
	struct arena *arena; /* of a claim, or of a settlement */
	struct delivery_end ends[SLOTS];
	size_t nends;
	int64_t claim_at; /* µs, monotonic */
	int64_t stop_at;
};

static volatile sig_atomic_t stop_signal;

static void
on_stop(int sig)
{
	stop_signal = sig;
}

static bool
stopping(struct round *r)
{
	if (stop_signal && r->stop_at == 0)
		r->stop_at = clock_mono();
	return r->stop_at != 0;
}

static bool
out_of_time(struct round *r)
{
	return stopping(r) && clock_mono() - r->stop_at >= GRACE;
}

static bool
patience(void *arg)
{
	struct round *r = arg;

	poll(NULL, 0, PATIENCE_MS);
	return !out_of_time(r);
}

static bool
allow(void *arg, const struct net_addr *addr)
{
	const struct round *r = arg;

	return webhook_address_ok(r->config, addr);
}

static int
under_way(const struct round *r, struct str webhook, bool *probing)
{
	int n = 0;

	*probing = false;
	for (int i = 0; i < SLOTS; i++)
		if (r->loads[i].used &&
		    str_eq(r->loads[i].d.webhook_id, webhook)) {
			*probing |= r->loads[i].d.probing;
			n++;
		}
	return n;
}

/* Endpoints that have enough under way; one that fails gets one at a time. */
static struct str
full(struct round *r)
{
	struct str list = STR("");
	bool probing;

	for (int i = 0; i < SLOTS; i++) {
		const struct delivery *d = &r->loads[i].d;

		if (r->loads[i].used && (under_way(r, d->webhook_id,
		    &probing) >= PER_ENDPOINT || probing))
			list = arena_fmt(r->arena, "%.*s%s%.*s",
			    STR_FMT(list), list.n ? "," : "",
			    STR_FMT(d->webhook_id));
	}
	return list;
}

static struct delivery
copy(struct arena *a, const struct delivery *d)
{
	struct delivery c = *d;

	c.id = arena_str(a, d->id);
	c.lease = arena_str(a, d->lease);
	c.event_id = arena_str(a, d->event_id);
	c.event = arena_str(a, d->event);
	c.body = arena_str(a, d->body);
	c.webhook_id = arena_str(a, d->webhook_id);
	c.url = arena_str(a, d->url);
	c.secret = arena_str(a, d->secret);
	c.previous = d->previous.p ? arena_str(a, d->previous) : STR_NONE;
	return c;
}

static void
unload(struct load *l)
{
	l->used = false;
	arena_reset(l->arena);
}

static bool
start(struct round *r, struct load *l)
{
	struct delivery *d = &l->d;
	const struct http_post post = {
		.url = arena_cstr(l->arena, d->url),
		.headers = delivery_headers(l->arena, r->queue->keys, d,
		    clock_wall() / CLOCK_SECOND),
		.body = d->body,
		.arg = l,
	};

	return post.headers && http_pool_start(r->pool, &post);
}

/* Why it must not be sent at all, or NULL. */
static const char *
refusal(struct round *r, struct load *l, bool *not_reachable)
{
	struct webhook_url url;

	*not_reachable = false;
	if (!l->d.wanted)
		return "the webhook no longer takes this";
	if (l->d.attempts > BEGUN_MAX)
		return "tried too often without an end";
	*not_reachable = !webhook_url_ok(l->arena, r->config, l->d.url, &url);
	return NULL;
}

/* Begin one, or say at once how it ended. */
static void
take(struct round *r, struct load *l, const struct delivery *claimed)
{
	struct delivery_end *end = &r->ends[r->nends];
	bool not_reachable;
	const char *why;

	l->used = true;
	l->d = copy(l->arena, claimed);
	why = refusal(r, l, &not_reachable);
	if (why == NULL && !not_reachable) {
		if (start(r, l))
			return;
		why = "it cannot be signed";
	}
	if (why)
		delivery_refuse(r->arena, &l->d, why, end);
	else
		delivery_judge(r->arena, &l->d, &(struct http_answer){
		    .reason = "not reachable" }, end);
	r->nends++;
	unload(l);
}

static void
settle(struct round *r)
{
	if (r->nends)
		delivery_settle(r->queue, r->arena, r->ends, r->nends);
	for (size_t i = 0; i < r->nends; i++)
		log_info("webhook tried", log_s("delivery", r->ends[i].id),
		    log_c("state", r->ends[i].state),
		    log_i("status", r->ends[i].status));
	r->nends = 0;
	arena_reset(r->arena);
}

static struct load *
free_load(struct round *r)
{
	for (int i = 0; i < SLOTS; i++)
		if (!r->loads[i].used)
			return &r->loads[i];
	return NULL;
}

/* Fill free slots; was there something? */
static bool
claim(struct round *r)
{
	struct delivery *d;
	int room = SLOTS - http_pool_busy(r->pool);
	size_t n;

	if (room > CLAIM)
		room = CLAIM;
	if (delivery_claim(r->queue, r->arena, room, PER_ENDPOINT, full(r),
	    &d, &n) != E_OK)
		n = 0;
	for (size_t i = 0; i < n; i++)
		take(r, free_load(r), &d[i]);
	r->claim_at = n ? 0 : clock_mono() + POLL_MS * CLOCK_MS;
	settle(r);
	return n > 0;
}

/* What ended, said in one statement. */
static void
collect(struct round *r)
{
	struct http_answer answer;

	while (r->nends < SLOTS && http_pool_next(r->pool, &answer)) {
		struct load *l = answer.arg;

		delivery_judge(r->arena, &l->d, &answer,
		    &r->ends[r->nends++]);
		unload(l);
		r->claim_at = 0;
	}
	settle(r);
}

static void
loop(struct round *r, bool once)
{
	int ms;

	while (!out_of_time(r)) {
		int64_t now = clock_mono();
		bool room = SLOTS - http_pool_busy(r->pool) >= CLAIM / 4;

		if (stopping(r) && http_pool_busy(r->pool) == 0)
			return;
		if (!stopping(r) && room && now >= r->claim_at &&
		    !claim(r) && once && http_pool_busy(r->pool) == 0)
			return;
		ms = r->claim_at ? POLL_MS / 5 : 10;
		if (http_pool_busy(r->pool)) {
			http_pool_work(r->pool, ms);
			collect(r);
		} else if (r->claim_at) {
			poll(NULL, 0, POLL_MS / 5);
		}
	}
}

/* What is still under way goes back; it may arrive twice, with one id. */
static void
give_back(struct round *r)
{
	for (int i = 0; i < SLOTS; i++)
		if (r->loads[i].used)
			delivery_release(r->queue, r->arena, &r->loads[i].d);
	arena_reset(r->arena);
}

void
courier_run(const struct config *c, struct queue *q, bool once)
{
	static struct round r;
	struct queue own = *q;
	const struct http_pool_options o = { .slots = SLOTS,
		.ca_file = c->webhooks_ca, .allow = allow, .arg = &r };

	r = (struct round){ .config = c, .queue = &own };
	own.patience = patience;
	own.arg = &r;
	transfer_init();
	r.arena = arena_new(LIMIT_ARENA);
	r.pool = http_pool_new(&o);
	if (r.pool == NULL) {
		log_error("out of memory", log_c("what", "courier"));
		exit(70);
	}
	for (int i = 0; i < SLOTS; i++)
		r.loads[i].arena = arena_new(LIMIT_ARENA);
	loop(&r, once);
	give_back(&r);
	http_pool_free(&r.pool);
	for (int i = 0; i < SLOTS; i++)
		arena_free(&r.loads[i].arena);
	arena_free(&r.arena);
}

static _Noreturn void
child(pid_t parent, const struct config *c, const struct keyring *k,
    struct str holder, int inherited)
{
	struct sigaction stop = { .sa_handler = on_stop };
	struct arena *a = arena_new(LIMIT_ARENA);
	struct queue q = { .keys = k, .holder = holder };

	sigaction(SIGTERM, &stop, NULL);
	sigaction(SIGINT, &stop, NULL);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		_exit(0);
	if (inherited >= 0)
		close(inherited);
	/* A connection of its own: the parent's is never touched. */
	q.db = worker_db(a, c);
	courier_run(c, &q, false);
	db_close(&q.db);
	arena_free(&a);
	_exit(0);
}

void
courier_keep(struct courier *p, const struct config *c,
    const struct keyring *k, struct str holder, int inherited)
{
	pid_t self = getpid();

	if (p->pid && waitpid(p->pid, NULL, WNOHANG) == p->pid) {
		log_error("the courier died", log_i("pid", p->pid));
		p->pid = 0;
	}
	if (p->pid || clock_mono() < p->again_at)
		return;
	p->again_at = clock_mono() + RESTART_AFTER;
	p->pid = fork();
	if (p->pid == 0)
		child(self, c, k, holder, inherited);
	if (p->pid < 0) {
		log_error("no process for the courier");
		p->pid = 0;
	}
}

void
courier_stop(struct courier *p)
{
	if (p->pid)
		kill(p->pid, SIGTERM);
}

void
courier_wait(struct courier *p)
{
	while (p->pid && waitpid(p->pid, NULL, 0) < 0 && errno == EINTR)
		;
	p->pid = 0;
}
