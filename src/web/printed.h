#ifndef WEB_PRINTED_H
#define WEB_PRINTED_H

#include "core/session/session.h"
#include "http/dialect.h"

/*
 * What was printed of an account lately, for who asks the same again and again.
 * It is a function of the row that Postgres gave (core/session/session.h), so
 * the proof of that row names it: whatever makes the row doubted, a change or
 * its age, makes the text unreachable. In the memory of this process, bounded,
 * wiped when another takes the place or the process is idle.
 */
#define PRINTED_PLACES 64
#define PRINTED_MOST 4096 /* bytes of one; a longer one is not kept */

/*
 * The data printed for s, as dialect_write_data() did; STR_NONE: nobody did. It
 * is there until the next call of the two below. Of a session that was not found
 * by a proof nothing is known or kept.
 */
struct str printed_find(const struct session *s, enum dialect d);
void printed_keep(const struct session *s, enum dialect d, struct str text);

void printed_forget(void);

#endif
