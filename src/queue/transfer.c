#include "queue/transfer.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "queue/transfer_line.h"
#include "queue/transfer_slot.h"

/* Of 30 s; the lease of a mail must outlive two tries (queue/job.h). */
#define AGAIN_WITHIN (5 * CLOCK_SECOND)
#define FEWER_FOR (60 * CLOCK_SECOND)

struct transfer {
	CURLM *multi;
	CURLU *url;
	struct slot *slots;
	int nslots;
	int limit; /* slots in use, while the relay takes no more */
	int64_t limit_until;
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
	s->entry = (int)(e - t->line.entries);
	if (curl_multi_add_handle(t->multi, s->easy) != CURLM_OK) {
		log_error("libcurl takes no transfer");
		exit(70);
	}
}

static void
start(struct transfer *t)
{
	struct line *l = &t->line;
	int64_t now = clock_mono();

	if (t->limit < t->nslots && now >= t->limit_until)
		t->limit = t->nslots;
	while (l->waiting && l->busy < t->limit) {
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
	line_end(&t->line, e, r->end);
	if (r->end == TRANSFER_DONE || r->end == TRANSFER_REFUSED)
		return;
	line_clear(&t->line);
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
	} while (ended && (t->line.waiting || t->line.busy));
}

void
transfer_work(struct transfer *t, struct pollfd *also, int ms)
{
	struct curl_waitfd fd = { 0 };
	int before = t->line.ended;

	turn(t);
	if (ms > 0 && (also || (t->line.ended == before && t->line.busy))) {
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
	return line_next(&t->line, out);
}

void
transfer_abandon(struct transfer *t)
{
	int n;

	line_clear(&t->line);
	for (int i = 0; i < t->nslots; i++)
		slot_cut(&t->slots[i]);
	curl_multi_perform(t->multi, &n);
	for (int i = 0; i < t->nslots; i++) {
		struct slot *s = &t->slots[i];
		struct entry *e;

		if (s->entry < 0)
			continue;
		e = &t->line.entries[s->entry];
		curl_multi_remove_handle(t->multi, s->easy);
		e->result.maybe_sent = s->body_begun;
		line_end(&t->line, e, TRANSFER_STOPPED);
		slot_unload(s);
		s->entry = -1;
	}
}
