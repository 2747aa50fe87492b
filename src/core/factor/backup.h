#ifndef CORE_FACTOR_BACKUP_H
#define CORE_FACTOR_BACKUP_H

#include "core/ctx.h"

/*
 * Backup codes (rows BC1, BC2): ten of 16 random Crockford characters, 80
 * bits. The first two are the index by which one is found, different in all
 * ten and stored in the clear; the others are known only as part of a hash, a
 * fast one that names its set: nobody guesses 70 random bits, and slow ones
 * made ten at a time kept the cores from those who log in. Sets from before
 * that are passwords' hashes and stay good.
 */
#define BACKUP_CODES 10
#define BACKUP_CHARS 16
#define BACKUP_PREFIX 2

/* A set as it is shown, and as it is stored. */
struct backup_set {
	struct str id;	     /* uuid text */
	struct str codes[BACKUP_CODES];
	struct str prefixes; /* a line each */
	struct str hashes;   /* a line each */
};

/* Ten new codes, not hashed yet. */
void backup_make(struct ctx *x, struct backup_set *s);

/* Fill prefixes and hashes from codes, id anew. */
void backup_hash(struct ctx *x, struct backup_set *s);

/*
 * Is code, as backup_read gives it, the one of this hash in the set? stored of
 * n 0: none. E_FACTOR_INVALID; of a slow hash E_BUSY, E_UNAVAILABLE.
 */
enum err backup_match(struct ctx *x, struct str set_id, struct str stored,
    struct str code);

/* The codes as one text of a line each, and back; false: not ours. */
struct str backup_join(struct ctx *x, const struct backup_set *s);
bool backup_split(struct str text, struct backup_set *s);

/*
 * A typed code in its one spelling: without spaces and '-', upper case, O as 0,
 * I and L as 1. STR_NONE when it cannot be a code.
 */
struct str backup_read(struct arena *a, struct str typed);

#endif
