#include "worker/events/events_topic.h"

#include "base/backoff.h"
#include "base/clock.h"
#include "base/log.h"

#define BATCH 500
#define LOOK_EVERY (CLOCK_SECOND / 2)
#define PAUSE_MIN CLOCK_SECOND
#define PAUSE_MAX (30 * CLOCK_SECOND)

bool
events_topic_report(struct events_topic *t, struct outbox_event *e,
    enum kafka_end end,
    const char *why)
{
	if (t->n == 0 || e < t->events || e >= t->events + t->n)
		return false;
	if (e->state == OUTBOX_OPEN)
		t->open--;
	e->state = OUTBOX_ENDED;
	e->end = end;
	e->why = why;
	return true;
}

static void
forget_events(struct events_topic *t)
{
	t->events = NULL;
	t->n = t->open = 0;
	arena_reset(t->arena);
}

/* An event must not overtake the one before it, which found no room. */
static void
send_events(struct events_topic *t, struct events_topic_side *s)
{
	for (size_t i = 0; i < t->n; i++) {
		struct outbox_event *e = &t->events[i];
		const struct kafka_message m = { .topic = t->topic,
			.key = e->user_id, .id = e->id, .value = e->value,
			.arg = e };

		t->open++;
		if (events_kafka_send(s->kafka, &m))
			continue;
		t->open--;
		t->n = i;
		t->look_at = clock_mono() + PAUSE_MIN;
	}
	if (t->n == 0)
		forget_events(t);
}

static void
fill(struct events_topic *t, struct events_topic_side *s)
{
	int limit = t->alone ? 1 : BATCH;

	if (events_outbox_next(s->queue, t->arena, s->config, t->topic, limit,
	    s->token, &t->events, &t->n) != E_OK)
		t->n = 0;
	t->filled = t->n == (size_t)limit;
	t->look_at = t->filled ? 0 : clock_mono() + LOOK_EVERY;
	if (t->n == 0)
		t->alone = 0;
	send_events(t, s);
}

static void
give_up(struct events_topic_side *s, const struct outbox_event *e, int attempts)
{
	log_error("an event for Kafka is a dead letter",
	    log_s("event", e->id), log_c("why", e->why));
	events_outbox_failed(s->queue, s->arena, e, attempts, true);
}

/*
 * The broker refused an event. It refuses a request as a whole, so an event is
 * known to be at fault only when it went alone (row RE5). True: the topic has
 * to wait.
 */
static bool
failed(struct events_topic *t, struct events_topic_side *s,
    const struct outbox_event *e)
{
	bool counts = e->end == KAFKA_REFUSED && t->n == 1;
	int attempts = e->attempts + counts;

	if (e->end != KAFKA_AGAIN && t->n > 1) {
		t->alone = t->n;
		t->filled = true;
		t->look_at = 0;
		return e->end == KAFKA_REFUSED;
	}
	if (e->end == KAFKA_POISON || (counts && attempts >= OUTBOX_TRIES)) {
		give_up(s, e, attempts);
		return false;
	}
	events_outbox_failed(s->queue, s->arena, e, attempts, false);
	return true;
}

static void
wait_longer(struct events_topic *t, const char *why)
{
	if (t->pause == 0)
		log_warn("Kafka does not take a topic's events",
		    log_c("topic", t->topic), log_c("why", why));
	t->pause = backoff_longer(t->pause, PAUSE_MIN, PAUSE_MAX);
	t->look_at = clock_mono() + t->pause;
}

/*
 * The broker has answered for all of them. The first failure stands for the
 * others.
 */
static void
settle_events(struct events_topic *t, struct events_topic_side *s)
{
	const struct outbox_event *bad = NULL;
	size_t done = 0;

	for (size_t i = 0; i < t->n; i++)
		if (t->events[i].end == KAFKA_DONE)
			done++;
		else if (bad == NULL)
			bad = &t->events[i];
	events_outbox_published(s->queue, s->arena, t->events, t->n);
	if (done)
		log_info("events published", log_c("topic", t->topic),
		    log_i("events", (int64_t)done));
	if (t->alone)
		t->alone--;
	if (bad && failed(t, s, bad))
		wait_longer(t, bad->why);
	else if (bad == NULL)
		t->pause = 0;
	forget_events(t);
	arena_reset(s->arena);
}

bool
events_topic_step(struct events_topic *t, struct events_topic_side *s,
    bool more)
{
	if (t->n && t->open == 0)
		settle_events(t, s);
	if (t->n == 0 && more && clock_mono() >= t->look_at)
		fill(t, s);
	return t->n || (t->filled && t->look_at == 0);
}

void
events_topic_leave(struct events_topic *t, struct events_topic_side *s)
{
	events_outbox_published(s->queue, s->arena, t->events, t->n);
	forget_events(t);
	t->alone = 0;
	t->look_at = 0;
	arena_reset(s->arena);
}
