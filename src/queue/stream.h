#ifndef QUEUE_STREAM_H
#define QUEUE_STREAM_H

#include "queue/outbox.h"

/*
 * A topic's events on their way: the oldest go out together, and when all of
 * them are answered for, the next follow. Topics do not wait for each other.
 */
struct stream {
	const char *topic;
	struct arena *arena; /* of the events */
	struct outbox_event *events;
	size_t n;
	size_t open;	 /* sent, and not answered for */
	bool filled;	 /* the last look found as much as it asked for */
	size_t alone;	 /* so many go one by one: one of them is poison */
	int64_t look_at; /* µs, monotonic */
	int64_t pause;	 /* µs, after the last failure */
};

/* What streams need of who runs them. */
struct stream_side {
	const struct config *config;
	struct queue *queue;
	struct arena *arena; /* of a statement */
	struct kafka *kafka; /* NULL: it is not our turn */
	struct str token;    /* of the lease */
};

/* Note how an event of this stream ended. False: it is none. */
bool stream_report(struct stream *t, struct outbox_event *e,
    enum kafka_end end, const char *why);

/*
 * Record what is answered for, and send more if wanted and it is time. True:
 * there is something to do at once, or under way.
 */
bool stream_step(struct stream *t, struct stream_side *s, bool more);

/* Record what the brokers have and forget the rest: kafka is gone. */
void stream_leave(struct stream *t, struct stream_side *s);

#endif
