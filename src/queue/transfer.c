#include "queue/transfer.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "queue/transfer_slot.h"

/* Of 30 s; the lease of a mail must outlive two tries (queue/job.h). */
#define AGAIN_WITHIN (5 * CLOCK_SECOND)
#define FEWER_FOR (60 * CLOCK_SECOND)

/* A mail of the pool, or a probe. */
struct entry {
	enum { FREE, WAITING, UNDER_WAY, ENDED } state;
	bool probe;
	uint64_t number; /* in order of arrival */
	struct transfer_mail mail;
	struct transfer_result result;
};

struct transfer {
	CURLM *multi;
	CURLU *url;
	struct slot *slots;
	int nslots;
	int limit; /* slots in use, while the relay takes no more */
	int64_t limit_until;
	int waiting, busy, ended;
	uint64_t number;
	struct entry entries[TRANSFER_ROOM];
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
		if (!slot_open(&t->slots[t->nslots], o, t->url))
			return false;
	return true;
}

struct transfer *
transfer_new(const struct transfer_options *o)
{
	struct transfer *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return NULL;
	t->multi = curl_multi_init();
	t->url = slot_url(o);
	t->slots = calloc((size_t)o->connections, sizeof(*t->slots));
	if (!t->multi || !t->url || !t->slots || !slots_open(t, o)) {
		transfer_free(&t);
		return NULL;
	}
	t->limit = t->nslots;
	curl_multi_setopt(t->multi, CURLMOPT_MAXCONNECTS, (long)t->nslots);
	curl_multi_setopt(t->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS,
	    (long)t->nslots);
	return t;
}

void
transfer_free(struct transfer **tp)
{
	struct transfer *t = *tp;

	if (t == NULL)
		return;
	for (int i = 0; i < t->nslots; i++) {
		if (t->slots[i].entry >= 0)
			curl_multi_remove_handle(t->multi, t->slots[i].easy);
		slot_close(&t->slots[i]);
	}
	curl_multi_cleanup(t->multi);
	curl_url_cleanup(t->url);
	free(t->slots);
	free(t);
	*tp = NULL;
}

int
transfer_waiting(const struct transfer *t)
{
	return t->waiting;
}

int
transfer_busy(const struct transfer *t)
{
	return t->busy;
}

static struct entry *
add(struct transfer *t, bool probe, void *arg)
{
	struct entry *e = t->entries;

	while (e < t->entries + TRANSFER_ROOM && e->state != FREE)
		e++;
	if (e == t->entries + TRANSFER_ROOM) {
		log_error("more mails than there is room for");
		exit(70);
	}
	*e = (struct entry){ .state = WAITING, .probe = probe,
		.number = t->number++, .result = { .arg = arg } };
	t->waiting++;
	return e;
}

void
transfer_add(struct transfer *t, const struct transfer_mail *m)
{
	add(t, false, m->arg)->mail = *m;
}

void
transfer_probe(struct transfer *t, void *arg)
{
	add(t, true, arg)->mail.before = INT64_MAX;
}

static void
end(struct transfer *t, struct entry *e, enum transfer_end how)
{
	int *was = e->state == WAITING ? &t->waiting : &t->busy;

	--*was;
	t->ended++;
	e->state = ENDED;
	e->result.end = how;
}

void
transfer_halt(struct transfer *t)
{
	for (struct entry *e = t->entries; t->waiting &&
	    e < t->entries + TRANSFER_ROOM; e++)
		if (e->state == WAITING)
			end(t, e, TRANSFER_UNSENT);
}

/* The most urgent of the line, the oldest of those. */
static struct entry *
first(struct transfer *t)
{
	struct entry *best = NULL, *e = t->entries;

	for (int left = t->waiting; left; e++) {
		if (e->state != WAITING)
			continue;
		left--;
		if (best == NULL || e->mail.priority < best->mail.priority ||
		    (e->mail.priority == best->mail.priority &&
		    e->number < best->number))
			best = e;
	}
	return best;
}

static struct slot *
slot_free(struct transfer *t)
{
	for (int i = 0; i < t->nslots; i++)
		if (t->slots[i].entry < 0)
			return &t->slots[i];
	return NULL;
}

static void
begin(struct transfer *t, struct slot *s, struct entry *e, bool again)
{
	slot_load(s, e->probe ? NULL : &e->mail, again);
	s->entry = (int)(e - t->entries);
	if (curl_multi_add_handle(t->multi, s->easy) != CURLM_OK) {
		log_error("libcurl takes no transfer");
		exit(70);
	}
}

static void
start(struct transfer *t)
{
	int64_t now = clock_mono();

	if (t->limit < t->nslots && now >= t->limit_until)
		t->limit = t->nslots;
	while (t->waiting && t->busy < t->limit) {
		struct entry *e = first(t);

		if (now >= e->mail.before) {
			end(t, e, TRANSFER_LATE);
			continue;
		}
		e->state = UNDER_WAY;
		t->waiting--;
		t->busy++;
		begin(t, slot_free(t), e, false);
	}
}

/* The others are connected: this one was one too many. */
static bool
put_back(struct transfer *t, struct entry *e)
{
	if (e->result.end != TRANSFER_UNREACHABLE || t->busy < 2)
		return false;
	t->busy--;
	t->waiting++;
	e->state = WAITING;
	if (t->limit > t->busy) {
		t->limit = t->busy;
		log_info("the mail relay takes no more connections",
		    log_i("connections", t->limit));
	}
	t->limit_until = clock_mono() + FEWER_FOR;
	return true;
}

static void
slot_ended(struct transfer *t, struct slot *s, CURLcode rc)
{
	struct entry *e = &t->entries[s->entry];
	struct transfer_result *r = &e->result;

	curl_multi_remove_handle(t->multi, s->easy);
	slot_judge(s, rc, r);
	if (r->end == TRANSFER_LOST && !r->maybe_sent && !s->again &&
	    clock_mono() - s->begun_at < AGAIN_WITHIN) {
		begin(t, s, e, true);
		return;
	}
	slot_unload(s);
	s->entry = -1;
	if (put_back(t, e))
		return;
	end(t, e, r->end);
	if (r->end == TRANSFER_DONE || r->end == TRANSFER_REFUSED)
		return;
	transfer_halt(t);
	t->limit = t->nslots;
}

/* Go on until nothing moves. */
static void
turn(struct transfer *t)
{
	struct slot *s;
	int n, ended;
	CURLMsg *m;

	do {
		start(t);
		curl_multi_perform(t->multi, &n);
		ended = 0;
		while ((m = curl_multi_info_read(t->multi, &n)) != NULL) {
			CURLcode rc = m->data.result;

			if (m->msg != CURLMSG_DONE)
				continue;
			curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE,
			    &s);
			slot_ended(t, s, rc);
			ended++;
		}
	} while (ended && (t->waiting || t->busy));
}

void
transfer_work(struct transfer *t, struct pollfd *also, int ms)
{
	struct curl_waitfd fd = { 0 };
	int before = t->ended;

	turn(t);
	if (ms > 0 && (also || (t->ended == before && t->busy))) {
		if (also) {
			fd.fd = also->fd;
			fd.events = (short)(
			    (also->events & POLLIN ? CURL_WAIT_POLLIN : 0) |
			    (also->events & POLLOUT ? CURL_WAIT_POLLOUT : 0));
		}
		curl_multi_poll(t->multi, &fd, also ? 1 : 0, ms, NULL);
		turn(t);
	}
	if (also)
		poll(also, 1, 0);
}

bool
transfer_next(struct transfer *t, struct transfer_result *out)
{
	struct entry *e = t->entries;

	if (t->ended == 0)
		return false;
	while (e->state != ENDED)
		e++;
	*out = e->result;
	e->state = FREE;
	t->ended--;
	return true;
}

void
transfer_abandon(struct transfer *t)
{
	transfer_halt(t);
	for (int i = 0; i < t->nslots; i++) {
		struct slot *s = &t->slots[i];

		if (s->entry < 0)
			continue;
		curl_multi_remove_handle(t->multi, s->easy);
		t->entries[s->entry].result.maybe_sent = s->body_begun;
		end(t, &t->entries[s->entry], TRANSFER_STOPPED);
		slot_unload(s);
		s->entry = -1;
	}
}
