#include "worker/webhook/webhook_inflight.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/clock.h"
#include "worker/webhook/webhook_claim_batch.h"

/* A transfer of 20 s that begins by then ends well within the lease. */
#define BEGIN_WITHIN (WEBHOOK_LEASE / 2)
#define ROOMS_MAX ((size_t)256 << 10) /* text of all endpoints */

void
webhook_inflight_init(struct webhook_inflight *h, int slots)
{
	*h = (struct webhook_inflight){ .endpoints.slots = slots };
	for (int i = WEBHOOK_PENDING_MAX - 1; i >= 0; i--) {
		h->pending[i].next = h->free;
		h->free = &h->pending[i];
	}
}

static void
line_up_endpoint(struct webhook_inflight *h, struct webhook_endpoint *e)
{
	e->lined_up = true;
	e->after = NULL;
	if (h->line)
		h->smtp_queue_end->after = e;
	else
		h->line = e;
	h->smtp_queue_end = e;
	h->lined++;
}

static struct webhook_endpoint *
line_first(struct webhook_inflight *h)
{
	struct webhook_endpoint *e = h->line;

	h->line = e->after;
	h->lined--;
	e->lined_up = false;
	return e;
}

static void
add_pending(struct webhook_inflight *h, struct webhook_endpoint *e,
    const struct delivery *d, int64_t now)
{
	struct webhook_pending *x = h->free;
	struct str *const list[] = { &x->d.id, &x->d.event_id, &x->d.event,
		&x->d.body };

	h->free = x->next;
	*x = (struct webhook_pending){ .endpoint = e, .used = true, .d = *d,
		.claimed_at = now };
	x->text = webhook_claim_batch_text(list,
	    sizeof(list) / sizeof(list[0]));
	d->batch->left++;
	if (e->waiting++)
		e->last->next = x;
	else
		e->first = x;
	e->last = x;
	if (!e->lined_up)
		line_up_endpoint(h, e);
	h->held++;
}

/* The endpoint of a row; makes its batch for this claim if it is the first. */
static struct webhook_endpoint *
endpoint_of(struct webhook_inflight *h, const struct webhook_claimed_row *row,
    struct str lease, int64_t now)
{
	struct uuid id = { { 0 } };
	struct webhook_claim_batch draft;
	struct webhook_endpoint *e;

	(void)uuid_parse(row->webhook_id, &id);
	e = webhook_endpoint_get(&h->endpoints, id, now);
	if (e->taken == h->takes)
		return e;
	draft = webhook_delivery_batch(row, lease);
	e->batch = webhook_claim_batch_new(&draft);
	e->taken = h->takes;
	if (draft.probing)
		webhook_endpoint_slow(&h->endpoints, e);
	return e;
}

void
webhook_inflight_take(struct webhook_inflight *h, const struct rows *r,
    struct str lease, int64_t now)
{
	struct webhook_endpoint *e = NULL;
	struct str id = STR_NONE;

	h->takes++;
	for (size_t i = 0; i < r->n; i++) {
		struct webhook_claimed_row row = webhook_claimed_row(r, i);
		struct delivery d = webhook_delivery_of(&row);

		/* The rows come grouped by endpoint. */
		if (e == NULL || !str_eq(id, row.webhook_id))
			e = endpoint_of(h, &row, lease, now);
		id = row.webhook_id;
		d.batch = e->batch;
		add_pending(h, e, &d, now);
	}
}

struct webhook_pending *
webhook_inflight_next(struct webhook_inflight *h, int64_t now, bool all,
    bool *back)
{
	webhook_endpoint_watch(&h->endpoints, now);
	for (int n = h->lined; n > 0; n--) {
		struct webhook_endpoint *e = line_first(h);
		struct webhook_pending *x = e->first;

		if (e->waiting == 0)
			continue;
		*back = all || now - x->claimed_at > BEGIN_WITHIN ||
		    webhook_endpoint_room(e) < 0;
		if (!*back && !webhook_endpoint_may(&h->endpoints, e)) {
			line_up_endpoint(h, e);
			continue;
		}
		e->first = x->next;
		e->waiting--;
		if (e->waiting)
			line_up_endpoint(h, e);
		x->begun = !*back;
		if (x->begun)
			webhook_endpoint_begin(&h->endpoints, e, now);
		return x;
	}
	return NULL;
}

void
webhook_inflight_end(struct webhook_inflight *h, struct webhook_pending *x,
    bool fine, int64_t took)
{
	webhook_endpoint_end(&h->endpoints, x->endpoint, fine, took);
	webhook_inflight_drop(h, x);
}

void
webhook_inflight_drop(struct webhook_inflight *h, struct webhook_pending *x)
{
	free(x->text);
	*x = (struct webhook_pending){ .next = h->free };
	h->free = x;
	h->held--;
}

/* Do endpoints that may hang fill half? The rest is for prompt ones. */
static bool
crowded(const struct webhook_inflight *h)
{
	int n = 0;

	for (int i = 0; i < WEBHOOK_ENDPOINTS; i++)
		if (h->endpoints.all[i].kind != WEBHOOK_ENDPOINT_PROMPT)
			n += h->endpoints.all[i].waiting;
	return n >= WEBHOOK_PENDING_MAX / 2;
}

static int
room_of(const struct webhook_endpoint *e, int others)
{
	int room = webhook_endpoint_room(e);

	if (!e->known)
		return others;
	if (e->kind != WEBHOOK_ENDPOINT_PROMPT && room > others)
		return others;
	return room > 0 ? room : 0;
}

void
webhook_inflight_quotas(const struct webhook_inflight *h, struct arena *a,
    struct webhook_claim_request *w)
{
	struct buf ids = buf_new(a, ROOMS_MAX), rooms = buf_new(a, ROOMS_MAX);

	w->room = crowded(h) ? 0 : WEBHOOK_ENDPOINT_FIRST;
	buf_byte(&ids, '{');
	buf_byte(&rooms, '{');
	for (int i = 0; i < WEBHOOK_ENDPOINTS; i++) {
		const struct webhook_endpoint *e = &h->endpoints.all[i];
		int room = room_of(e, w->room);

		if (room == w->room)
			continue;
		if (ids.n > 1) {
			buf_byte(&ids, ',');
			buf_byte(&rooms, ',');
		}
		buf_add(&ids, uuid_text(a, e->id));
		buf_int(&rooms, room);
	}
	buf_byte(&ids, '}');
	buf_byte(&rooms, '}');
	w->ids = buf_str(&ids);
	w->rooms = buf_str(&rooms);
}
