#ifndef WORKER_EVENTS_EVENTS_KAFKA_H
#define WORKER_EVENTS_EVENTS_KAFKA_H

#include "config/config.h"

/*
 * The only file that calls librdkafka: an idempotent producer without a message
 * time-out. The library has threads, so the producer is made after the last
 * fork.
 */
struct kafka;

/* How a message ended. */
enum kafka_end {
	KAFKA_DONE,    /* all replicas in sync have it */
	KAFKA_POISON,  /* refused; or one of its request is */
	KAFKA_REFUSED, /* not taken, for how long is unknown */
	KAFKA_AGAIN    /* topic, rights or cluster at fault */
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

/*
 * Does not wait for a connection. NULL: *why names the setting that is wrong.
 */
struct kafka *events_kafka_new(const struct kafka_options *o, const char **why);

/*
 * End it. Messages not reported yet are forgotten, and may arrive all the same.
 */
void events_kafka_free(struct kafka **k);

struct kafka_message {
	const char *topic;
	struct str key;	  /* one key's messages arrive in this order */
	struct str id;	  /* header event_id */
	struct str value;
	void *arg;
};

/* Copies the message. False: the queue is full, or nothing can be sent now. */
bool events_kafka_send(struct kafka *k, const struct kafka_message *m);

/* Wait up to ms for something to report, and report. */
void events_kafka_work(struct kafka *k, int ms);

/* Has the producer failed for good? Then the caller makes another. */
bool events_kafka_broken(const struct kafka *k);

#endif
