#include "queue/hand.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/clock.h"

/* Begun now, a transfer of 20 s ends well within the lease. */
#define BEGIN_WITHIN (DELIVERY_LEASE / 2)
#define ROOMS_MAX ((size_t)256 << 10) /* text of all endpoints */

void
hand_init(struct hand *h, int slots)
{
	*h = (struct hand){ .endpoints.slots = slots };
	for (int i = ERRANDS - 1; i >= 0; i--) {
		h->errands[i].next = h->free;
		h->free = &h->errands[i];
	}
}

static void
line_up(struct hand *h, struct endpoint *e)
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

static struct endpoint *
line_first(struct hand *h)
{
	struct endpoint *e = h->line;

	h->line = e->after;
	h->lined--;
	e->lined_up = false;
	return e;
}

static void
add(struct hand *h, struct endpoint *e, const struct delivery *d, int64_t now)
{
	struct errand *x = h->free;
	struct str *const list[] = { &x->d.id, &x->d.event_id, &x->d.event,
		&x->d.body };

	h->free = x->next;
	*x = (struct errand){ .endpoint = e, .used = true, .d = *d,
		.claimed_at = now };
	x->text = batch_text(list, sizeof(list) / sizeof(list[0]));
	d->batch->left++;
	if (e->waiting++)
		e->last->next = x;
	else
		e->first = x;
	e->last = x;
	if (!e->lined_up)
		line_up(h, e);
	h->held++;
}

/* The endpoint of a row, and the batch that others of this claim are in. */
static struct endpoint *
endpoint_of(struct hand *h, struct arena *a, const struct rows *r, size_t i,
    struct str lease, int64_t now)
{
	struct uuid id = { { 0 } };
	struct batch draft;
	struct endpoint *e;

	(void)uuid_parse(delivery_webhook(r, i), &id);
	e = endpoint_get(&h->endpoints, id, now);
	if (e->taken == h->takes)
		return e;
	draft = delivery_batch(a, r, i, lease);
	e->batch = batch_new(&draft);
	e->taken = h->takes;
	if (draft.probing)
		endpoint_slow(&h->endpoints, e);
	return e;
}

void
hand_take(struct hand *h, struct arena *a, const struct rows *r,
    struct str lease, int64_t now)
{
	struct endpoint *e = NULL;
	struct str id = STR_NONE;

	h->takes++;
	for (size_t i = 0; i < r->n; i++) {
		struct delivery d = delivery_row(r, i);

		/* They come by endpoints. */
		if (e == NULL || !str_eq(id, delivery_webhook(r, i)))
			e = endpoint_of(h, a, r, i, lease, now);
		id = delivery_webhook(r, i);
		d.batch = e->batch;
		add(h, e, &d, now);
	}
}

struct errand *
hand_next(struct hand *h, int64_t now, bool all, bool *back)
{
	endpoint_watch(&h->endpoints, now);
	for (int n = h->lined; n > 0; n--) {
		struct endpoint *e = line_first(h);
		struct errand *x = e->first;

		if (e->waiting == 0)
			continue;
		*back = all || now - x->claimed_at > BEGIN_WITHIN ||
		    endpoint_room(e) < 0;
		if (!*back && !endpoint_may(&h->endpoints, e)) {
			line_up(h, e);
			continue;
		}
		e->first = x->next;
		e->waiting--;
		if (e->waiting)
			line_up(h, e);
		x->begun = !*back;
		if (x->begun)
			endpoint_begin(&h->endpoints, e, now);
		return x;
	}
	return NULL;
}

void
hand_end(struct hand *h, struct errand *x, bool fine, int64_t took)
{
	endpoint_end(&h->endpoints, x->endpoint, fine, took);
	hand_drop(h, x);
}

void
hand_drop(struct hand *h, struct errand *x)
{
	free(x->text);
	*x = (struct errand){ .next = h->free };
	h->free = x;
	h->held--;
}

/* Do those that may hang fill half of it? The rest is for the prompt ones. */
static bool
crowded(const struct hand *h)
{
	int n = 0;

	for (int i = 0; i < ENDPOINTS; i++)
		if (h->endpoints.all[i].kind != ENDPOINT_PROMPT)
			n += h->endpoints.all[i].waiting;
	return n >= ERRANDS / 2;
}

static int
room_of(const struct endpoint *e, int others)
{
	int room = endpoint_room(e);

	if (!e->known)
		return others;
	if (e->kind != ENDPOINT_PROMPT && room > others)
		return others;
	return room > 0 ? room : 0;
}

void
hand_rooms(const struct hand *h, struct arena *a, struct delivery_wish *w)
{
	struct buf ids = buf_new(a, ROOMS_MAX), rooms = buf_new(a, ROOMS_MAX);

	w->room = crowded(h) ? 0 : ENDPOINT_FIRST;
	buf_byte(&ids, '{');
	buf_byte(&rooms, '{');
	for (int i = 0; i < ENDPOINTS; i++) {
		const struct endpoint *e = &h->endpoints.all[i];
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
