#ifndef QUEUE_TRANSFER_LINE_H
#define QUEUE_TRANSFER_LINE_H

#include "queue/transfer.h"

/*
 * For the pool alone: its mails and probes, in the line, under way, or ended
 * until somebody takes the result. TRANSFER_ROOM of them; libcurl is not known
 * here.
 */
struct entry {
	enum { ENTRY_FREE, ENTRY_WAITING, ENTRY_UNDER_WAY, ENTRY_ENDED } state;
	bool probe;
	uint64_t number; /* in order of arrival */
	struct transfer_mail mail;
	struct transfer_result result;
};

struct line {
	struct entry entries[TRANSFER_ROOM];
	int waiting, busy, ended;
	uint64_t number;
};

/* A new one, waiting. The process ends when there is no room. */
struct entry *line_add(struct line *l, bool probe, void *arg);

/* The most urgent of those that wait, the oldest of these; NULL: none. */
struct entry *line_first(struct line *l);

/* It waits no more; it is under way. */
void line_begin(struct line *l, struct entry *e);

/* What was under way waits again, in its old place. */
void line_put_back(struct line *l, struct entry *e);

/* It ended, from wherever it was. */
void line_end(struct line *l, struct entry *e, enum transfer_end how);

/* All that wait end as UNSENT. */
void line_clear(struct line *l);

/* Take the result of one that ended, or false. */
bool line_next(struct line *l, struct transfer_result *out);

#endif
