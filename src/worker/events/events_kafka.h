#ifndef WORKER_EVENTS_EVENTS_KAFKA_H
#define WORKER_EVENTS_EVENTS_KAFKA_H

#include "config/config.h"

/*
 * The one door to librdkafka: an idempotent producer that never gives a
 * message up for time. It has threads: made after the last fork.
 */
struct kafka;

/* How a message ended. */
enum kafka_end {
	KAFKA_DONE,    /* all replicas in sync have it */
	KAFKA_POISON,  /* never taken, as it is; or its neighbours are not */
	KAFKA_REFUSED, /* not taken, and nothing says why for how long */
	KAFKA_AGAIN    /* not its fault: topic, rights, cluster */
};

struct kafka_options {
	const struct config *config;
	/*
	 * Called by events_kafka_work, once for each message sent: the arg of
	 * the
	 * message, and why it ended so, a constant of the library.
	 */
	void (*report)(void *arg, void *message, enum kafka_end end,
	    const char *why);
	void *arg;
};

/* No connection is waited for. NULL: *why says which setting is wrong. */
struct kafka *events_kafka_new(const struct kafka_options *o, const char **why);

/* Forget what was not reported, and end; that may arrive all the same. */
void events_kafka_free(struct kafka **k);

struct kafka_message {
	const char *topic;
	struct str key;	  /* one key's messages arrive in this order */
	struct str id;	  /* header event_id */
	struct str value;
	void *arg;
};

/* Copied. False: no room, or it cannot be sent at all now. */
bool events_kafka_send(struct kafka *k, const struct kafka_message *m);

/* Wait up to ms for something to report, and report. */
void events_kafka_work(struct kafka *k, int ms);

/* Does it work no more? Another one has to be made. */
bool events_kafka_broken(const struct kafka *k);

#endif
