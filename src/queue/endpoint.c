#include "queue/endpoint.h"

#include <string.h>

#include "base/clock.h"

#define WINDOW_BASE 4 /* what lies beyond is extra */
#define PROMPT CLOCK_SECOND
#define AHEAD_TIME (5 * CLOCK_SECOND)

/* The last bytes of a version 7 id are random. */
static struct endpoint **
bucket_of(struct endpoints *s, const struct uuid *id)
{
	return &s->buckets[(id->b[14] | id->b[15] << 8) % ENDPOINTS];
}

static bool
idle(const struct endpoint *e)
{
	return e->busy == 0 && e->waiting == 0;
}

static void
forget(struct endpoints *s, struct endpoint *e)
{
	struct endpoint **at = bucket_of(s, &e->id);

	while (*at != e)
		at = &(*at)->next;
	*at = e->next;
}

/* A place for one more. */
static struct endpoint *
vacate(struct endpoints *s)
{
	struct endpoint *oldest = NULL;

	for (int i = 0; i < ENDPOINTS; i++) {
		struct endpoint *e = &s->all[i];

		if (!e->known)
			return e;
		if (idle(e) && !e->lined_up &&
		    (!oldest || e->used_at < oldest->used_at))
			oldest = e;
	}
	forget(s, oldest);
	return oldest;
}

struct endpoint *
endpoint_get(struct endpoints *s, struct uuid id, int64_t now)
{
	struct endpoint **bucket = bucket_of(s, &id), *e;

	for (e = *bucket; e; e = e->next)
		if (memcmp(e->id.b, id.b, sizeof(id.b)) == 0)
			break;
	if (e == NULL) {
		e = vacate(s);
		*e = (struct endpoint){ .next = *bucket, .id = id,
			.known = true, .slow = true,
			.window = ENDPOINT_FIRST };
		*bucket = e;
	}
	e->used_at = now;
	return e;
}

static int64_t
ahead(const struct endpoint *e)
{
	int64_t n;

	if (e->slow)
		return e->window;
	n = e->window * AHEAD_TIME / e->pace;
	return n < e->window ? e->window :
	    n > ENDPOINT_AHEAD ? ENDPOINT_AHEAD : n;
}

int
endpoint_room(const struct endpoint *e)
{
	return (int)(ahead(e) - e->busy - e->waiting);
}

/* Two of these leave a quarter. */
static int
share(const struct endpoints *s)
{
	return s->slots * 3 / 8;
}

bool
endpoint_may(const struct endpoints *s, const struct endpoint *e)
{
	if (s->busy >= s->slots || e->busy >= e->window)
		return false;
	if (e->slow && s->slow >= share(s))
		return false;
	return e->busy < WINDOW_BASE || s->extra < share(s);
}

void
endpoint_begin(struct endpoints *s, struct endpoint *e)
{
	s->extra += e->busy >= WINDOW_BASE;
	s->slow += e->slow;
	s->busy++;
	e->busy++;
}

void
endpoint_slow(struct endpoints *s, struct endpoint *e)
{
	if (!e->slow)
		s->slow += e->busy;
	e->slow = true;
	e->window = 1;
}

void
endpoint_end(struct endpoints *s, struct endpoint *e, bool fine, int64_t took)
{
	e->busy--;
	s->busy--;
	s->extra -= e->busy >= WINDOW_BASE;
	s->slow -= e->slow;
	took = took > CLOCK_MS ? took : CLOCK_MS;
	e->pace = e->pace ? (e->pace * 7 + took) / 8 : took;
	if (!fine || took > PROMPT) {
		endpoint_slow(s, e);
		return;
	}
	if (e->slow)
		s->slow -= e->busy;
	e->slow = false;
	if (e->window < s->slots)
		e->window++;
}
