#ifndef WORKER_SMTP_SMTP_QUEUE_H
#define WORKER_SMTP_SMTP_QUEUE_H

#include "worker/smtp/smtp.h"

/*
 * Only for the pool: its mails and probes. Each is in the line, under way, or
 * ended until its result is taken. There is room for SMTP_ROOM of them.
 * Nothing here knows libcurl.
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

/* Add an entry that waits. The process ends when there is no room. */
struct smtp_entry *smtp_queue_add(struct smtp_queue *l, bool probe, void *arg);

/* The most urgent entry that waits, the oldest of several; NULL: none. */
struct smtp_entry *smtp_queue_first(struct smtp_queue *l);

/* Move e from the line to those under way. */
void smtp_queue_begin(struct smtp_queue *l, struct smtp_entry *e);

/* Put e, which was under way, back in its old place in the line. */
void smtp_queue_put_back(struct smtp_queue *l, struct smtp_entry *e);

/* End e, wherever it is. */
void smtp_queue_end(struct smtp_queue *l, struct smtp_entry *e,
    enum smtp_end how);

/* End all that wait as UNSENT. */
void smtp_queue_clear(struct smtp_queue *l);

/* Take the result of an entry that ended; false: there is none. */
bool smtp_queue_next(struct smtp_queue *l, struct smtp_result *out);

#endif
