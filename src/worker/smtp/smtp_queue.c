#include "worker/smtp/smtp_queue.h"

#include <stdlib.h>

#include "base/log.h"

struct smtp_entry *
smtp_queue_add(struct smtp_queue *l, bool probe, void *arg)
{
	struct smtp_entry *e = l->entries;

	while (e < l->entries + SMTP_ROOM && e->state != SMTP_ENTRY_FREE)
		e++;
	if (e == l->entries + SMTP_ROOM) {
		log_error("more mails than there is room for");
		exit(70);
	}
	*e = (struct smtp_entry){ .state = SMTP_ENTRY_WAITING, .probe = probe,
		.number = l->number++, .result = { .arg = arg } };
	l->waiting++;
	return e;
}

struct smtp_entry *
smtp_queue_first(struct smtp_queue *l)
{
	struct smtp_entry *best = NULL, *e = l->entries;

	for (int left = l->waiting; left; e++) {
		if (e->state != SMTP_ENTRY_WAITING)
			continue;
		left--;
		if (best == NULL || e->mail.priority < best->mail.priority ||
		    (e->mail.priority == best->mail.priority &&
		    e->number < best->number))
			best = e;
	}
	return best;
}

void
smtp_queue_begin(struct smtp_queue *l, struct smtp_entry *e)
{
	e->state = SMTP_ENTRY_UNDER_WAY;
	l->waiting--;
	l->busy++;
}

void
smtp_queue_put_back(struct smtp_queue *l, struct smtp_entry *e)
{
	e->state = SMTP_ENTRY_WAITING;
	l->busy--;
	l->waiting++;
}

void
smtp_queue_end(struct smtp_queue *l, struct smtp_entry *e, enum smtp_end how)
{
	int *was = e->state == SMTP_ENTRY_WAITING ? &l->waiting : &l->busy;

	--*was;
	l->ended++;
	e->state = SMTP_ENTRY_ENDED;
	e->result.end = how;
}

void
smtp_queue_clear(struct smtp_queue *l)
{
	for (struct smtp_entry *e = l->entries; l->waiting; e++)
		if (e->state == SMTP_ENTRY_WAITING)
			smtp_queue_end(l, e, SMTP_UNSENT);
}

bool
smtp_queue_next(struct smtp_queue *l, struct smtp_result *out)
{
	struct smtp_entry *e = l->entries;

	if (l->ended == 0)
		return false;
	while (e->state != SMTP_ENTRY_ENDED)
		e++;
	*out = e->result;
	e->state = SMTP_ENTRY_FREE;
	l->ended--;
	return true;
}
