#include "core/session/session_entry.h"

#include "base/clock.h"
#include "core/session/session_change.h"

#define CELLS (query_table[Q_session_load].row->ncells)

/* A 32-bit length (all ones: null) and the bytes of each cell. */
struct str
session_entry_pack(struct ctx *x, size_t head, const struct rows *r)
{
	size_t n = head;
	char *p, *at;

	for (int i = 0; i < CELLS; i++)
		n += 4 + r->cells[i].n;
	p = arena_alloc(x->arena, n);
	at = p + head;
	for (int i = 0; i < CELLS; i++) {
		struct str c = r->cells[i];
		uint32_t len = c.p ? (uint32_t)c.n : UINT32_MAX;

		memcpy(at, &len, 4);
		at += 4;
		if (c.n)
			memcpy(at, c.p, c.n);
		at += c.n;
	}
	return (struct str){ p, n };
}

bool
session_entry_unpack(struct ctx *x, struct str entry, struct rows *r)
{
	*r = (struct rows){ .n = 1, .columns = CELLS, .q = Q_session_load,
		.cells = arena_array(x->arena, (size_t)CELLS,
		    sizeof(struct str)) };
	for (int i = 0; i < CELLS; i++) {
		uint32_t len;

		if (entry.n < 4)
			return false;
		memcpy(&len, entry.p, 4);
		entry = str_slice(entry, 4, entry.n);
		if (len == UINT32_MAX)
			continue;
		if (len > entry.n)
			return false;
		r->cells[i] = str_slice(entry, 0, len);
		entry = str_slice(entry, len, entry.n);
	}
	return entry.n == 0;
}

bool
session_entry_changed(const struct ctx *x, struct str sid, struct str uid,
    int64_t read)
{
	return session_change_since(x, sid, read) ||
	    session_change_since(x, uid, read) ||
	    session_change_since(x, STR("roles"), read);
}

/*
 * The place where it was kept cannot tell how old it is: a Redis that hung
 * carries out old commands later, and somebody may restore an old copy.
 */
bool
session_entry_holds(const struct ctx *x, struct str sid, struct str uid,
    int64_t read)
{
	int64_t age = session_change_clock(x) - read;

	return age > -CLOCK_SECOND && age < SESSION_ENTRY_LIFE &&
	    !session_entry_changed(x, sid, uid, read);
}
