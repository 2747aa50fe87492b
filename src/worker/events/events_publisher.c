#include "worker/events/events_publisher.h"

#include <poll.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/encoding.h"
#include "base/limits.h"
#include "base/log.h"
#include "runtime/sandbox.h"
#include "worker/events/events_topic.h"
#include "worker/loop_db.h"

#define WAIT_MS 50
#define PATIENCE_MS 200
#define GRACE (10 * CLOCK_SECOND)
#define RENEW_EVERY (OUTBOX_LEASE / 6)
#define LOOK_EVERY (2 * CLOCK_SECOND) /* asks for the lease */
#define BROKEN_PAUSE (10 * CLOCK_SECOND)

static const char *const topics[] = { "user-events", "auth-events",
	"media-events" };

#define STREAMS (sizeof(topics) / sizeof(topics[0]))

struct publisher {
	struct queue queue;
	struct events_topic_side side;
	struct events_topic topics[STREAMS];
	char token[40];	  /* uuid text */
	bool once;
	bool misled;	  /* the database writes no events */
	int64_t renew_at; /* µs, monotonic */
	int64_t lost_at;  /* the lease ends; 0: there is none */
	int64_t moved_at; /* the broker answered for a message */
	int64_t stop_at;
};

static bool
publisher_stopping(struct publisher *p)
{
	if (child_stopping() && p->stop_at == 0)
		p->stop_at = clock_mono();
	return p->stop_at != 0;
}

static bool
publisher_out_of_time(struct publisher *p)
{
	int64_t now = clock_mono();

	return (publisher_stopping(p) && now - p->stop_at >= GRACE) ||
	    (p->once && now - p->moved_at >= GRACE);
}

static bool
publisher_patience(void *arg)
{
	poll(NULL, 0, PATIENCE_MS);
	return !publisher_out_of_time(arg);
}

static void
on_event_report(void *arg, void *message, enum kafka_end end, const char *why)
{
	struct publisher *p = arg;

	p->moved_at = clock_mono();
	for (size_t i = 0; i < STREAMS; i++)
		if (events_topic_report(&p->topics[i], message, end, why))
			return;
}

/* The lease is over; its next holder publishes what was under way. */
static void
leave_turn(struct publisher *p, int64_t pause)
{
	events_kafka_free(&p->side.kafka);
	for (size_t i = 0; i < STREAMS; i++)
		events_topic_leave(&p->topics[i], &p->side);
	if (p->lost_at)
		events_outbox_release(&p->queue, p->side.arena, p->side.token);
	p->lost_at = 0;
	p->renew_at = clock_mono() + pause;
	arena_reset(p->side.arena);
}

static void
begin_publishing(struct publisher *p)
{
	const struct kafka_options o = { .config = p->side.config,
		.report = on_event_report, .arg = p };
	const char *why = "";

	p->side.kafka = events_kafka_new(&o, &why);
	if (p->side.kafka) {
		log_info("publishing to Kafka",
		    log_c("brokers", p->side.config->kafka_brokers));
		return;
	}
	log_error("the settings of Kafka do not work", log_c("why", why));
	leave_turn(p, BROKEN_PAUSE);
}

static void
tell_misled(struct publisher *p, bool enabled)
{
	if (!enabled && !p->misled)
		log_warn("kafka.enabled is true here, but the worker that "
		    "started last has it false: no events are written");
	p->misled = !enabled;
}

/* Get the lease, or keep it. */
static void
take_turn(struct publisher *p)
{
	int64_t now = clock_mono();
	bool enabled = true;
	enum err e;

	if (p->lost_at && now >= p->lost_at) {
		log_warn("the lease to publish to Kafka ran out");
		leave_turn(p, 0);
	}
	if (now < p->renew_at)
		return;
	e = events_outbox_lease(&p->queue, p->side.arena, p->side.token,
	    &enabled);
	arena_reset(p->side.arena);
	p->renew_at = now + (e == E_OK ? RENEW_EVERY : LOOK_EVERY);
	if (e == E_CONFLICT && p->lost_at) {
		log_warn("another worker publishes to Kafka");
		leave_turn(p, LOOK_EVERY);
	}
	if (e != E_OK)
		return;
	tell_misled(p, enabled);
	/*
	 * Counted from before the statement, so the lease ends here before it
	 * does in the database.
	 */
	p->lost_at = now + OUTBOX_LEASE;
	if (p->side.kafka == NULL)
		begin_publishing(p);
}

static bool
is_open(const struct publisher *p)
{
	for (size_t i = 0; i < STREAMS; i++)
		if (p->topics[i].open)
			return true;
	return false;
}

/* One step of work. True: there is more to do at once. */
static bool
publish_a_moment(struct publisher *p)
{
	bool busy = false;

	for (size_t i = 0; i < STREAMS; i++)
		busy |= events_topic_step(&p->topics[i], &p->side,
		    !publisher_stopping(p));
	events_kafka_work(p->side.kafka, is_open(p) || !busy ? WAIT_MS : 0);
	if (events_kafka_broken(p->side.kafka)) {
		log_error("the producer is broken, another one is made");
		leave_turn(p, CLOCK_SECOND);
	}
	return busy;
}

static void
publisher_loop(struct publisher *p)
{
	bool busy = true;

	while (!publisher_out_of_time(p)) {
		if (publisher_stopping(p) && !is_open(p))
			return;
		take_turn(p);
		if (p->side.kafka)
			busy = publish_a_moment(p);
		else if (p->once)
			return;
		else
			poll(NULL, 0, PATIENCE_MS);
		if (p->once && !busy)
			return;
	}
}

void
events_publisher_run(const struct config *c, struct queue *q, bool once)
{
	static struct publisher p;
	struct arena *a = arena_new(LIMIT_ARENA);

	p = (struct publisher){ .queue = *q, .once = once,
		.moved_at = clock_mono() };
	p.queue.patience = publisher_patience;
	p.queue.arg = &p;
	snprintf(p.token, sizeof(p.token), "%s", uuid_text(a, uuid_v7()).p);
	p.side = (struct events_topic_side){ .config = c, .queue = &p.queue,
		.arena = a, .token = str_of(p.token) };
	for (size_t i = 0; i < STREAMS; i++)
		p.topics[i] = (struct events_topic){ .topic = topics[i],
			.arena = arena_new(LIMIT_ARENA) };
	publisher_loop(&p);
	leave_turn(&p, 0);
	for (size_t i = 0; i < STREAMS; i++)
		arena_free(&p.topics[i].arena);
	arena_free(&p.side.arena);
}

struct life {
	const struct config *config;
	const struct keyring *keys;
	struct str holder;
};

/*
 * The process that had this name before is dead. Its lease would keep this one
 * from its work for up to a minute.
 */
static void
release_dead_publisher(struct queue *q, struct arena *a)
{
	while (events_outbox_release_holder(q, a, q->holder) ==
		E_UNAVAILABLE && !child_stopping())
		poll(NULL, 0, PATIENCE_MS);
	arena_reset(a);
}

static void
publisher_process(void *arg)
{
	const struct life *l = arg;
	struct arena *a = arena_new(LIMIT_ARENA);
	struct queue q = { .keys = l->keys, .holder = l->holder };

	/* A connection of its own: the parent's is never touched. */
	q.db = loop_db(a, l->config);
	if (l->config->seccomp)
		sandbox_enter(SANDBOX_EVENTS);
	release_dead_publisher(&q, a);
	events_publisher_run(l->config, &q, false);
	db_close(&q.db);
	arena_free(&a);
}

void
events_publisher_keep(struct child *p, const struct config *c,
    const struct keyring *k, struct str holder)
{
	struct life l = { c, k, holder };

	if (c->kafka_enabled)
		child_keep(p, "postern-kafka", publisher_process, &l);
}
