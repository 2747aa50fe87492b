#include "queue/transfer_line.h"

#include <stdlib.h>

#include "base/log.h"

struct entry *
line_add(struct line *l, bool probe, void *arg)
{
	struct entry *e = l->entries;

	while (e < l->entries + TRANSFER_ROOM && e->state != ENTRY_FREE)
		e++;
	if (e == l->entries + TRANSFER_ROOM) {
		log_error("more mails than there is room for");
		exit(70);
	}
	*e = (struct entry){ .state = ENTRY_WAITING, .probe = probe,
		.number = l->number++, .result = { .arg = arg } };
	l->waiting++;
	return e;
}

struct entry *
line_first(struct line *l)
{
	struct entry *best = NULL, *e = l->entries;

	for (int left = l->waiting; left; e++) {
		if (e->state != ENTRY_WAITING)
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
line_begin(struct line *l, struct entry *e)
{
	e->state = ENTRY_UNDER_WAY;
	l->waiting--;
	l->busy++;
}

void
line_put_back(struct line *l, struct entry *e)
{
	e->state = ENTRY_WAITING;
	l->busy--;
	l->waiting++;
}

void
line_end(struct line *l, struct entry *e, enum transfer_end how)
{
	int *was = e->state == ENTRY_WAITING ? &l->waiting : &l->busy;

	--*was;
	l->ended++;
	e->state = ENTRY_ENDED;
	e->result.end = how;
}

void
line_clear(struct line *l)
{
	for (struct entry *e = l->entries; l->waiting; e++)
		if (e->state == ENTRY_WAITING)
			line_end(l, e, TRANSFER_UNSENT);
}

bool
line_next(struct line *l, struct transfer_result *out)
{
	struct entry *e = l->entries;

	if (l->ended == 0)
		return false;
	while (e->state != ENTRY_ENDED)
		e++;
	*out = e->result;
	e->state = ENTRY_FREE;
	l->ended--;
	return true;
}
