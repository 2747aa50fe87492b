#ifndef WORKER_SMTP_SMTP_QUEUE_H
#define WORKER_SMTP_SMTP_QUEUE_H

#include "worker/smtp/smtp_pool.h"

/*
 * For the pool alone: its mails and probes, in the line, under way, or ended
 * until somebody takes the result. SMTP_ROOM of them; libcurl is not known
 * here.
 */
struct smtp_entry {
	enum { SMTP_ENTRY_FREE, SMTP_ENTRY_WAITING, SMTP_ENTRY_UNDER_WAY,
	    SMTP_ENTRY_ENDED } state;
	bool probe;
	uint64_t number; /* in order of arrival */
	struct smtp_mail mail;
	struct smtp_result result;
};

struct smtp_queue {
	struct smtp_entry entries[SMTP_ROOM];
	int waiting, busy, ended;
	uint64_t number;
};

/* A new one, waiting. The process ends when there is no room. */
struct smtp_entry *smtp_queue_add(struct smtp_queue *l, bool probe, void *arg);

/* The most urgent of those that wait, the oldest of these; NULL: none. */
struct smtp_entry *smtp_queue_first(struct smtp_queue *l);

/* It waits no more; it is under way. */
void smtp_queue_begin(struct smtp_queue *l, struct smtp_entry *e);

/* What was under way waits again, in its old place. */
void smtp_queue_put_back(struct smtp_queue *l, struct smtp_entry *e);

/* It ended, from wherever it was. */
void smtp_queue_end(struct smtp_queue *l, struct smtp_entry *e,
    enum smtp_end how);

/* All that wait end as UNSENT. */
void smtp_queue_clear(struct smtp_queue *l);

/* Take the result of one that ended, or false. */
bool smtp_queue_next(struct smtp_queue *l, struct smtp_result *out);

#endif
