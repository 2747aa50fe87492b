#include "worker/sms/sms.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/backoff.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/memory.h"
#include "worker/sms/sms_request.h"
#include "worker/smtp/smtp.h"
#include "worker/webclient/webclient.h"

#define SLOTS 8
#define CLAIM_EVERY (200 * CLOCK_MS) /* while others are under way */
#define LATER_MAX (30 * CLOCK_SECOND)

/* One message under way. */
struct load {
	struct arena *arena; /* of all that follows; NULL: the place is free */
	struct job job;
};

struct sms {
	const struct config *config;
	struct queue *queue;
	struct webclient_pool *pool; /* NULL: no provider */
	struct load loads[SLOTS];
	int64_t claim_at;
};

/* The provider is the operator's choice, not a stranger's. */
static bool
allow_provider(void *arg, const struct net_addr *addr)
{
	(void)arg;
	(void)addr;
	return true;
}

struct sms *
sms_new(const struct config *c, struct queue *q)
{
	const struct webclient_pool_options o = { .slots = SLOTS, .ca_file = "",
		.allow = allow_provider };
	struct sms *s = memory_new("SMS", 1, sizeof(*s));

	s->config = c;
	s->queue = q;
	if (!sms_request_possible(c))
		return s;
	smtp_init();
	s->pool = webclient_pool_new(&o);
	return s;
}

void
sms_free(struct sms **sp)
{
	struct sms *s = *sp;

	if (s == NULL)
		return;
	webclient_pool_free(&s->pool);
	for (int i = 0; i < SLOTS; i++)
		if (s->loads[i].arena)
			arena_free(&s->loads[i].arena);
	free(s);
	*sp = NULL;
}

bool
sms_ready(const struct sms *s)
{
	return s->pool != NULL;
}

static void
settle_sms(struct sms *s, struct arena *a, struct job_end end)
{
	job_settle(s->queue, a, &end);
}

static void
bury_sms(struct sms *s, struct arena *a, const struct job *j, bool tried,
    const char *why)
{
	log_error("SMS is a dead letter", log_s("job", j->id),
	    log_i("attempts", j->attempts), log_c("why", why));
	settle_sms(s, a, job_end_dead(j, tried, why));
}

static void
retry_sms(struct sms *s, struct arena *a, const struct job *j, int64_t delay,
    const char *why)
{
	log_warn("SMS will be tried again", log_s("job", j->id),
	    log_i("attempts", j->attempts), log_c("why", why));
	settle_sms(s, a, job_end_retry(j, delay, false, why));
}

static struct load *
load_free(struct sms *s)
{
	for (int i = 0; i < SLOTS; i++)
		if (s->loads[i].arena == NULL)
			return &s->loads[i];
	return NULL;
}

/* Begin to send it. False: nothing is under way, it has ended. */
static bool
begin_sms(struct sms *s, struct load *l)
{
	struct sms_request r;
	struct webclient_post post;
	struct job *j = &l->job;
	const char *why = "the payload cannot be unsealed";
	enum err e = job_open(s->queue->keys, l->arena, j);

	if (e == E_OK)
		e = sms_request_make(l->arena, s->config, j->id, j->payload,
		    &r, &why);
	if (e == E_UNAVAILABLE)
		retry_sms(s, l->arena, j, job_backoff(j->attempts), why);
	else if (e != E_OK)
		bury_sms(s, l->arena, j, false, why);
	if (e != E_OK)
		return false;
	post = (struct webclient_post){ .url = r.url, .headers = r.headers,
		.body = r.body, .arg = l };
	if (webclient_pool_start(s->pool, &post))
		return true;
	settle_sms(s, l->arena, job_end_retry(j, CLOCK_SECOND, true,
	    "the request could not begin"));
	return false;
}

static void
take_job(struct sms *s, struct arena *a, const struct job *j)
{
	struct load *l = load_free(s);

	if (j->expired) {
		log_warn("SMS expired before it could be sent",
		    log_s("job", j->id), log_i("attempts", j->attempts));
		settle_sms(s, a, job_end_expired(j));
	} else if (j->spent) {
		bury_sms(s, a, j, false, "tried too often");
	} else if (l == NULL) {
		settle_sms(s, a, job_end_unsent(j));
	} else {
		l->arena = arena_new(LIMIT_ARENA);
		l->job = job_copy(l->arena, j);
		if (!begin_sms(s, l))
			arena_free(&l->arena);
	}
}

static void
claim(struct sms *s, struct arena *a)
{
	int room = SLOTS - webclient_pool_busy(s->pool);
	int64_t now = clock_mono();
	struct job *jobs;
	size_t n;

	if (room == 0 || now < s->claim_at)
		return;
	s->claim_at = now + CLAIM_EVERY;
	n = job_claim(s->queue, a, room, "sms", &jobs);
	for (size_t i = 0; i < n; i++)
		take_job(s, a, &jobs[i]);
	arena_reset(a);
}

/* A code is worth little after ten minutes: try again soon, then less often. */
static int64_t
later(const struct job *j, const struct webclient_answer *r)
{
	int64_t delay = backoff_after(j->attempts, CLOCK_SECOND, LATER_MAX);

	return r->retry_after > delay ? r->retry_after : delay;
}

/*
 * The provider's words may hold the number: the status alone is kept. Being
 * refused as a customer (401, 403) or slowed down (429) is no fault of the
 * message.
 */
static void
sms_ended(struct sms *s, const struct webclient_answer *r)
{
	struct load *l = r->arg;
	struct job *j = &l->job;
	char why[80];

	snprintf(why, sizeof(why), "%s (%ld)", r->reason ? r->reason : "sent",
	    r->status);
	if (r->reason == NULL) {
		struct job_end end = job_end_done(j);

		if (job_settle(s->queue, l->arena, &end))
			log_info("SMS sent", log_s("job", j->id),
			    log_i("attempts", j->attempts));
		else
			log_error("SMS sent, but not recorded",
			    log_s("job", j->id));
	} else if (r->status >= 300 && r->status < 500 && r->status != 401 &&
	    r->status != 403 && r->status != 408 && r->status != 429) {
		bury_sms(s, l->arena, j, true, why);
	} else {
		retry_sms(s, l->arena, j, later(j, r), why);
	}
	arena_free(&l->arena);
}

bool
sms_step(struct sms *s, struct arena *batch, bool stopping, int ms)
{
	struct webclient_answer answer;

	if (s->pool == NULL)
		return false;
	if (!stopping)
		claim(s, batch);
	if (webclient_pool_busy(s->pool) == 0)
		return false;
	webclient_poller_work(s->pool, ms, NULL);
	while (webclient_pool_next(s->pool, &answer))
		sms_ended(s, &answer);
	return true;
}

void
sms_abandon(struct sms *s)
{
	for (int i = 0; i < SLOTS; i++)
		if (s->loads[i].arena)
			settle_sms(s, s->loads[i].arena, job_end_retry(
			    &s->loads[i].job, 0, false,
			    "the worker was stopped"));
}

struct str
sms_leases(const struct sms *s, struct arena *a, struct str list)
{
	for (int i = 0; i < SLOTS; i++)
		if (s->loads[i].arena)
			list = arena_fmt(a, "%.*s%s%.*s", STR_FMT(list),
			    list.n ? "," : "", STR_FMT(s->loads[i].job.lease));
	return list;
}
