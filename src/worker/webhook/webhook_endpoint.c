#include "worker/webhook/webhook_endpoint.h"

#include <string.h>

#include "base/clock.h"

#define WINDOW_BASE 4 /* transfers beyond these are extra */
#define PROMPT CLOCK_SECOND
#define AHEAD_TIME (5 * CLOCK_SECOND)

/* The last bytes of a version 7 id are random. */
static struct webhook_endpoint **
bucket_of(struct webhook_endpoints *s, const struct uuid *id)
{
	return &s->buckets[(id->b[14] | id->b[15] << 8) % WEBHOOK_ENDPOINTS];
}

static bool
idle(const struct webhook_endpoint *e)
{
	return e->busy == 0 && e->waiting == 0;
}

static void
forget_endpoint(struct webhook_endpoints *s, struct webhook_endpoint *e)
{
	struct webhook_endpoint **at = bucket_of(s, &e->id);

	while (*at != e)
		at = &(*at)->next;
	*at = e->next;
}

/* A place for one more endpoint: a free one, or that of the longest idle. */
static struct webhook_endpoint *
vacate(struct webhook_endpoints *s)
{
	struct webhook_endpoint *oldest = NULL;

	for (int i = 0; i < WEBHOOK_ENDPOINTS; i++) {
		struct webhook_endpoint *e = &s->all[i];

		if (!e->known)
			return e;
		if (idle(e) && !e->lined_up &&
		    (!oldest || e->used_at < oldest->used_at))
			oldest = e;
	}
	forget_endpoint(s, oldest);
	return oldest;
}

struct webhook_endpoint *
webhook_endpoint_get(struct webhook_endpoints *s, struct uuid id, int64_t now)
{
	struct webhook_endpoint **bucket = bucket_of(s, &id), *e;

	for (e = *bucket; e; e = e->next)
		if (memcmp(e->id.b, id.b, sizeof(id.b)) == 0)
			break;
	if (e == NULL) {
		e = vacate(s);
		*e = (struct webhook_endpoint){ .next = *bucket, .id = id,
			.known = true, .window = 1 };
		*bucket = e;
	}
	e->used_at = now;
	return e;
}

static int64_t
ahead(const struct webhook_endpoint *e)
{
	int64_t n;

	if (e->kind == WEBHOOK_ENDPOINT_NEW)
		return WEBHOOK_ENDPOINT_FIRST;
	if (e->kind == WEBHOOK_ENDPOINT_SLOW)
		return e->window;
	n = e->window * AHEAD_TIME / e->pace;
	return n < e->window ? e->window :
	    n > WEBHOOK_ENDPOINT_AHEAD ? WEBHOOK_ENDPOINT_AHEAD : n;
}

int
webhook_endpoint_room(const struct webhook_endpoint *e)
{
	return (int)(ahead(e) - e->busy - e->waiting);
}

bool
webhook_endpoint_may(const struct webhook_endpoints *s,
    const struct webhook_endpoint *e)
{
	int quarter = s->slots / 4;

	if (s->busy >= s->slots || e->busy >= e->window)
		return false;
	if (e->kind == WEBHOOK_ENDPOINT_PROMPT)
		return e->busy < WINDOW_BASE || s->extra < quarter * 3 / 4;
	return s->slow + s->fresh < 2 * quarter &&
	    (e->kind == WEBHOOK_ENDPOINT_NEW ? s->fresh : s->slow) < quarter;
}

/* Count n more transfers of e's kind as under way. */
static void
count_busy(struct webhook_endpoints *s, const struct webhook_endpoint *e, int n)
{
	if (e->kind == WEBHOOK_ENDPOINT_NEW)
		s->fresh += n;
	if (e->kind == WEBHOOK_ENDPOINT_SLOW)
		s->slow += n;
}

static void
endpoint_line_up(struct webhook_endpoints *s, struct webhook_endpoint *e)
{
	e->before_new = s->new ? s->new_end : &s->new;
	*e->before_new = e;
	e->after_new = NULL;
	s->new_end = &e->after_new;
}

static void
leave_line(struct webhook_endpoints *s, struct webhook_endpoint *e)
{
	*e->before_new = e->after_new;
	if (e->after_new)
		e->after_new->before_new = e->before_new;
	else
		s->new_end = e->before_new;
}

static void
become_kind(struct webhook_endpoints *s, struct webhook_endpoint *e, int kind)
{
	if (e->kind == WEBHOOK_ENDPOINT_NEW && e->busy)
		leave_line(s, e);
	count_busy(s, e, -e->busy);
	e->kind = kind;
	count_busy(s, e, e->busy);
}

void
webhook_endpoint_begin(struct webhook_endpoints *s, struct webhook_endpoint *e,
    int64_t now)
{
	s->extra += e->busy >= WINDOW_BASE;
	s->busy++;
	e->busy++;
	count_busy(s, e, 1);
	if (e->kind != WEBHOOK_ENDPOINT_NEW)
		return;
	e->begun_at = now;
	endpoint_line_up(s, e);
}

void
webhook_endpoint_slow(struct webhook_endpoints *s, struct webhook_endpoint *e)
{
	become_kind(s, e, WEBHOOK_ENDPOINT_SLOW);
	e->window = 1;
}

void
webhook_endpoint_watch(struct webhook_endpoints *s, int64_t now)
{
	while (s->new && now - s->new->begun_at > PROMPT)
		webhook_endpoint_slow(s, s->new);
}

void
webhook_endpoint_end(struct webhook_endpoints *s, struct webhook_endpoint *e,
    bool fine, int64_t took)
{
	bool prompt = fine && took <= PROMPT;

	become_kind(s, e, prompt ? WEBHOOK_ENDPOINT_PROMPT :
	    WEBHOOK_ENDPOINT_SLOW);
	e->busy--;
	s->busy--;
	s->extra -= e->busy >= WINDOW_BASE;
	count_busy(s, e, -1);
	took = took > CLOCK_MS ? took : CLOCK_MS;
	e->pace = e->pace ? (e->pace * 7 + took) / 8 : took;
	if (!prompt)
		e->window = 1;
	else if (e->window < s->slots)
		e->window++;
}
