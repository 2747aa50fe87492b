#include "worker/smtp/smtp.h"

#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "worker/smtp/smtp_conn.h"
#include "worker/smtp/smtp_queue.h"

/* Of 30 s; the lease of a mail must outlive two tries (worker/job/job.h). */
#define AGAIN_WITHIN (5 * CLOCK_SECOND)
#define FEWER_FOR (60 * CLOCK_SECOND)

struct smtp_pool {
	CURLU *url;
	int ends; /* eventfd: transfers that ended since the last read */
	struct smtp_conn *slots;
	int nslots;
	int limit; /* slots in use, while the relay takes no more */
	int64_t limit_until;
	bool resting; /* begin nothing */
	struct smtp_queue line;
};

void
smtp_init(void)
{
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
		log_error("libcurl does not start");
		exit(70);
	}
}

struct smtp_pool *
smtp_new(const struct smtp_options *o)
{
	struct smtp_pool *t = memory_new("mail", 1, sizeof(*t));

	t->ends = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (t->ends < 0)
		memory_exhausted("a descriptor", 0);
	t->url = smtp_conn_url(o);
	if (t->url == NULL) {
		smtp_free(&t);
		return NULL;
	}
	t->slots = memory_new("mail", (size_t)o->connections,
	    sizeof(*t->slots));
	for (; t->nslots < o->connections; t->nslots++)
		smtp_conn_open(&t->slots[t->nslots], o, t->url, t->ends);
	t->limit = t->nslots;
	return t;
}

void
smtp_free(struct smtp_pool **tp)
{
	struct smtp_pool *t = *tp;

	if (t == NULL)
		return;
	smtp_abandon(t);
	for (int i = 0; i < t->nslots; i++)
		smtp_conn_close(&t->slots[i]);
	curl_url_cleanup(t->url);
	if (t->ends >= 0)
		close(t->ends);
	free(t->slots);
	free(t);
	*tp = NULL;
}

int
smtp_waiting(const struct smtp_pool *t)
{
	return t->line.waiting;
}

int
smtp_busy(const struct smtp_pool *t)
{
	return t->line.busy;
}

void
smtp_add(struct smtp_pool *t, const struct smtp_mail *m)
{
	smtp_queue_add(&t->line, false, m->arg)->mail = *m;
}

void
smtp_probe(struct smtp_pool *t, void *arg)
{
	smtp_queue_add(&t->line, true, arg)->mail.before = INT64_MAX;
}

void
smtp_halt(struct smtp_pool *t)
{
	smtp_queue_clear(&t->line);
}

/* A free slot, if possible with a connection: relays count connections. */
static struct smtp_conn *
slot_free(struct smtp_pool *t)
{
	struct smtp_conn *found = NULL;

	for (int i = 0; i < t->nslots; i++) {
		struct smtp_conn *s = &t->slots[i];

		if (s->entry >= 0)
			continue;
		if (smtp_thread_connected(&s->runner))
			return s;
		if (found == NULL)
			found = s;
	}
	return found;
}

static void
begin_mail(struct smtp_pool *t, struct smtp_conn *s, struct smtp_entry *e,
    bool again)
{
	smtp_conn_load(s, e->probe ? NULL : &e->mail, again);
	s->entry = (int)(e - t->line.entries);
	smtp_thread_go(&s->runner);
}

static void
start_waiting(struct smtp_pool *t)
{
	struct smtp_queue *l = &t->line;
	int64_t now = clock_mono();

	if (t->limit < t->nslots && now >= t->limit_until)
		t->limit = t->nslots;
	while (l->waiting && l->busy < t->limit && !t->resting) {
		struct smtp_entry *e = smtp_queue_first(l);

		if (now >= e->mail.before) {
			smtp_queue_end(l, e, SMTP_LATE);
			continue;
		}
		smtp_queue_begin(l, e);
		begin_mail(t, slot_free(t), e, false);
	}
}

/* Was this connection one too many for the relay? Then the mail waits again. */
static bool
put_back(struct smtp_pool *t, struct smtp_entry *e)
{
	struct smtp_queue *l = &t->line;

	if (e->result.end != SMTP_UNREACHABLE || l->busy < 2)
		return false;
	smtp_queue_put_back(l, e);
	if (t->limit > l->busy) {
		t->limit = l->busy;
		log_info("the mail relay takes no more connections",
		    log_i("connections", t->limit));
	}
	t->limit_until = clock_mono() + FEWER_FOR;
	return true;
}

static void
slot_ended(struct smtp_pool *t, struct smtp_conn *s, CURLcode rc)
{
	struct smtp_entry *e = &t->line.entries[s->entry];
	struct smtp_result *r = &e->result;

	smtp_conn_judge(s, rc, r);
	/* A reply that still comes must not answer the next command. */
	if (r->end != SMTP_DONE && r->end != SMTP_REFUSED)
		smtp_thread_cut(&s->runner);
	if (r->end == SMTP_LOST && !r->maybe_sent && !s->again &&
	    clock_mono() - s->begun_at < AGAIN_WITHIN) {
		begin_mail(t, s, e, true);
		return;
	}
	smtp_conn_unload(s);
	s->entry = -1;
	if (put_back(t, e))
		return;
	smtp_queue_end(&t->line, e, r->end);
	if (r->end == SMTP_DONE || r->end == SMTP_REFUSED)
		return;
	smtp_queue_clear(&t->line);
	t->limit = t->nslots;
}

static bool
collect_mails(struct smtp_pool *t)
{
	bool any = false;
	uint64_t n;
	CURLcode rc;

	/* Read first, so that the next call sees what ends meanwhile. */
	(void)!read(t->ends, &n, sizeof(n));
	for (int i = 0; i < t->nslots; i++)
		if (t->slots[i].entry >= 0 &&
		    smtp_thread_ended(&t->slots[i].runner, &rc)) {
			slot_ended(t, &t->slots[i], rc);
			any = true;
		}
	return any;
}

static void
pool_turn(struct smtp_pool *t)
{
	do
		start_waiting(t);
	while (collect_mails(t));
}

void
smtp_work(struct smtp_pool *t, struct pollfd *also, int ms)
{
	struct pollfd fds[2] = { { .fd = t->ends, .events = POLLIN },
		also ? *also : (struct pollfd){ .fd = -1 } };
	int before = t->line.ended;

	pool_turn(t);
	if (ms > 0 && (also || (t->line.ended == before && t->line.busy))) {
		poll(fds, 2, ms);
		pool_turn(t);
	}
	if (also)
		poll(also, 1, 0);
}

bool
smtp_next(struct smtp_pool *t, struct smtp_result *out)
{
	return smtp_queue_next(&t->line, out);
}

void
smtp_abandon(struct smtp_pool *t)
{
	struct pollfd p = { .fd = t->ends, .events = POLLIN };

	smtp_queue_clear(&t->line);
	for (int i = 0; i < t->nslots; i++)
		if (t->slots[i].entry >= 0)
			smtp_thread_cut(&t->slots[i].runner);
	while (t->line.busy) {
		poll(&p, 1, -1);
		collect_mails(t);
	}
}

bool
smtp_rest(struct smtp_pool *t)
{
	t->resting = t->line.busy > 0;
	for (int i = 0; i < t->nslots && !t->resting; i++)
		smtp_thread_rest(&t->slots[i].runner);
	return !t->resting;
}
