#ifndef WORKER_EVENTS_EVENTS_TOPIC_H
#define WORKER_EVENTS_EVENTS_TOPIC_H

#include "worker/events/events_outbox.h"

/*
 * A topic's events on their way: the oldest go out together, and when all of
 * them are answered for, the next follow. Topics do not wait for each other.
 */
struct events_topic {
	const char *topic;
	struct arena *arena; /* of the events */
	struct outbox_event *events;
	size_t n;
	size_t open;	 /* sent, and no answer yet */
	bool filled;	 /* the last query returned as many as it asked for */
	size_t alone;	 /* so many go one by one: one is refused */
	int64_t look_at; /* µs, monotonic */
	int64_t pause;	 /* µs, after the last failure */
};

/* What the publisher lends its streams. */
struct events_topic_side {
	const struct config *config;
	struct queue *queue;
	struct arena *arena; /* of a statement */
	struct kafka *kafka; /* NULL: without the lease */
	struct str token;    /* of the lease */
};

/*
 * Note how an event of this stream ended. False: it belongs to another stream.
 */
bool events_topic_report(struct events_topic *t, struct outbox_event *e,
    enum kafka_end end, const char *why);

/*
 * Record the events the broker answered for, and send more if wanted and due.
 * True: events are under way or can be sent at once.
 */
bool events_topic_step(struct events_topic *t, struct events_topic_side *s,
    bool more);

/*
 * Record the events the brokers have and forget the rest: the producer is gone.
 */
void events_topic_leave(struct events_topic *t, struct events_topic_side *s);

#endif
