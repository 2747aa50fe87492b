#ifndef CTL_IMPORT_IMPORT_SEEN_H
#define CTL_IMPORT_IMPORT_SEEN_H

#include <stdint.h>

#include "base/str.h"

/*
 * The addresses and user names of a trial so far, which the database has
 * forgotten again. 64 bits of a keyed hash stand for each. Begins as zeros.
 */
struct import_seen {
	uint64_t *slots;
	size_t room, n;
	unsigned char key[16];
};

bool import_seen_has(const struct import_seen *s, struct str text);
void import_seen_add(struct import_seen *s, struct str text);
void import_seen_free(struct import_seen *s);

#endif
