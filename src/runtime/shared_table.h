#ifndef RUNTIME_SHARED_TABLE_H
#define RUNTIME_SHARED_TABLE_H

#include <stdatomic.h>
#include <stdint.h>

#include "base/str.h"

/*
 * A bounded table in memory that all processes of a host share: from a name of
 * 16 bytes to some hundred bytes. What is not there was never kept, has been
 * pushed out, or is being written: it may be lost at any moment, and a caller
 * goes on without it.
 *
 * Nobody locks. Writers store word by word, and a reader believes a copy only
 * if its MAC is right, which covers name, length, time and bytes: what two
 * writers mixed, or one left behind when it was killed, was not kept. A new
 * secret empties the table at once. Zeroes are an empty table.
 */
#define SHARED_TABLE_SETS 1024
#define SHARED_TABLE_WAYS 4 /* places a name may have */
#define SHARED_TABLE_WORDS 128
#define SHARED_TABLE_HEAD 6
#define SHARED_TABLE_ROOM ((SHARED_TABLE_WORDS - SHARED_TABLE_HEAD) * 8)
#define SHARED_TABLE_NAME 16
#define SHARED_TABLE_NAMED 2048 /* bytes that a name is made of, at most */

struct shared_table {
	_Atomic uint64_t secret[2];
	struct shared_slot {
		_Atomic uint64_t word[SHARED_TABLE_WORDS];
	} slot[SHARED_TABLE_SETS * SHARED_TABLE_WAYS];
};

/* Forget all: the secret is drawn anew. */
void shared_table_renew(struct shared_table *t);

/*
 * The name of what: its MAC by the host's secret (SipHash-2-4 with 128 bits),
 * bound to a context, so that the same bytes under other settings are something
 * else. False when both together are longer than SHARED_TABLE_NAMED.
 */
bool shared_table_name(const struct shared_table *t, struct str context,
    struct str what, uint8_t name[SHARED_TABLE_NAME]);

/* Copy what was kept to room; how many bytes, 0: nothing. */
size_t shared_table_get(const struct shared_table *t,
    const uint8_t name[SHARED_TABLE_NAME], uint8_t room[SHARED_TABLE_ROOM]);

/*
 * Keep bytes in place of what the name had, or of the oldest of its places;
 * more than SHARED_TABLE_ROOM are not kept.
 */
void shared_table_put(struct shared_table *t,
    const uint8_t name[SHARED_TABLE_NAME], struct str bytes);

#endif
