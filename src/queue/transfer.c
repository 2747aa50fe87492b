#include "queue/transfer.h"

#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "queue/transfer_line.h"
#include "queue/transfer_slot.h"

/* Of 30 s; the lease of a mail must outlive two tries (queue/job.h). */
#define AGAIN_WITHIN (5 * CLOCK_SECOND)
#define FEWER_FOR (60 * CLOCK_SECOND)

struct transfer {
	CURLU *url;
	int ends; /* eventfd: transfers that ended since it was read */
	struct slot *slots;
	int nslots;
	int limit; /* slots in use, while the relay takes no more */
	int64_t limit_until;
	bool resting; /* nothing is begun */
	struct line line;
};

void
transfer_init(void)
{
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
		log_error("libcurl does not start");
		exit(70);
	}
}

static bool
slots_open(struct transfer *t, const struct transfer_options *o)
{
	for (t->nslots = 0; t->nslots < o->connections; t->nslots++)
		if (!slot_open(&t->slots[t->nslots], o, t->url, t->ends))
			return false;
	return true;
}

struct transfer *
transfer_new(const struct transfer_options *o)
{
	struct transfer *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return NULL;
	t->ends = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	t->url = slot_url(o);
	t->slots = calloc((size_t)o->connections, sizeof(*t->slots));
	if (t->ends < 0 || !t->url || !t->slots || !slots_open(t, o)) {
		transfer_free(&t);
		return NULL;
	}
	t->limit = t->nslots;
	return t;
}

void
transfer_free(struct transfer **tp)
{
	struct transfer *t = *tp;

	if (t == NULL)
		return;
	transfer_abandon(t);
	for (int i = 0; i < t->nslots; i++)
		slot_close(&t->slots[i]);
	curl_url_cleanup(t->url);
	if (t->ends >= 0)
		close(t->ends);
	free(t->slots);
	free(t);
	*tp = NULL;
}

int
transfer_waiting(const struct transfer *t)
{
	return t->line.waiting;
}

int
transfer_busy(const struct transfer *t)
{
	return t->line.busy;
}

void
transfer_add(struct transfer *t, const struct transfer_mail *m)
{
	line_add(&t->line, false, m->arg)->mail = *m;
}

void
transfer_probe(struct transfer *t, void *arg)
{
	line_add(&t->line, true, arg)->mail.before = INT64_MAX;
}

void
transfer_halt(struct transfer *t)
{
	line_clear(&t->line);
}

/* One with a connection before one without: relays count them. */
static struct slot *
slot_free(struct transfer *t)
{
	struct slot *found = NULL;

	for (int i = 0; i < t->nslots; i++) {
		struct slot *s = &t->slots[i];

		if (s->entry >= 0)
			continue;
		if (runner_connected(&s->runner))
			return s;
		if (found == NULL)
			found = s;
	}
	return found;
}

static void
begin(struct transfer *t, struct slot *s, struct entry *e, bool again)
{
	slot_load(s, e->probe ? NULL : &e->mail, again);
	s->entry = (int)(e - t->line.entries);
	runner_go(&s->runner);
}

static void
start(struct transfer *t)
{
	struct line *l = &t->line;
	int64_t now = clock_mono();

	if (t->limit < t->nslots && now >= t->limit_until)
		t->limit = t->nslots;
	while (l->waiting && l->busy < t->limit && !t->resting) {
		struct entry *e = line_first(l);

		if (now >= e->mail.before) {
			line_end(l, e, TRANSFER_LATE);
			continue;
		}
		line_begin(l, e);
		begin(t, slot_free(t), e, false);
	}
}

/* The others are connected: this one was one too many. */
static bool
put_back(struct transfer *t, struct entry *e)
{
	struct line *l = &t->line;

	if (e->result.end != TRANSFER_UNREACHABLE || l->busy < 2)
		return false;
	line_put_back(l, e);
	if (t->limit > l->busy) {
		t->limit = l->busy;
		log_info("the mail relay takes no more connections",
		    log_i("connections", t->limit));
	}
	t->limit_until = clock_mono() + FEWER_FOR;
	return true;
}

static void
slot_ended(struct transfer *t, struct slot *s, CURLcode rc)
{
	struct entry *e = &t->line.entries[s->entry];
	struct transfer_result *r = &e->result;

	slot_judge(s, rc, r);
	/* A reply that still comes is none to what would be said next. */
	if (r->end != TRANSFER_DONE && r->end != TRANSFER_REFUSED)
		runner_cut(&s->runner);
	if (r->end == TRANSFER_LOST && !r->maybe_sent && !s->again &&
	    clock_mono() - s->begun_at < AGAIN_WITHIN) {
		begin(t, s, e, true);
		return;
	}
	slot_unload(s);
	s->entry = -1;
	if (put_back(t, e))
		return;
	line_end(&t->line, e, r->end);
	if (r->end == TRANSFER_DONE || r->end == TRANSFER_REFUSED)
		return;
	line_clear(&t->line);
	t->limit = t->nslots;
}

static bool
collect(struct transfer *t)
{
	bool any = false;
	uint64_t n;
	CURLcode rc;

	/* First, so that what ends meanwhile is seen next time. */
	(void)!read(t->ends, &n, sizeof(n));
	for (int i = 0; i < t->nslots; i++)
		if (t->slots[i].entry >= 0 &&
		    runner_ended(&t->slots[i].runner, &rc)) {
			slot_ended(t, &t->slots[i], rc);
			any = true;
		}
	return any;
}

static void
turn(struct transfer *t)
{
	do
		start(t);
	while (collect(t));
}

void
transfer_work(struct transfer *t, struct pollfd *also, int ms)
{
	struct pollfd fds[2] = { { .fd = t->ends, .events = POLLIN },
		also ? *also : (struct pollfd){ .fd = -1 } };
	int before = t->line.ended;

	turn(t);
	if (ms > 0 && (also || (t->line.ended == before && t->line.busy))) {
		poll(fds, 2, ms);
		turn(t);
	}
	if (also)
		poll(also, 1, 0);
}

bool
transfer_next(struct transfer *t, struct transfer_result *out)
{
	return line_next(&t->line, out);
}

void
transfer_abandon(struct transfer *t)
{
	struct pollfd p = { .fd = t->ends, .events = POLLIN };

	line_clear(&t->line);
	for (int i = 0; i < t->nslots; i++)
		if (t->slots[i].entry >= 0)
			runner_cut(&t->slots[i].runner);
	while (t->line.busy) {
		poll(&p, 1, -1);
		collect(t);
	}
}

bool
transfer_rest(struct transfer *t)
{
	t->resting = t->line.busy > 0;
	for (int i = 0; i < t->nslots && !t->resting; i++)
		runner_rest(&t->slots[i].runner);
	return !t->resting;
}
