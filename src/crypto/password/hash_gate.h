#ifndef CRYPTO_PASSWORD_HASH_GATE_H
#define CRYPTO_PASSWORD_HASH_GATE_H

#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

/*
 * The host's bound on password hashes at once (row PW10). A lock file has one
 * byte per core as its slots, taken with open-file-description locks, so that a
 * killed process gives its slot back. LIMIT_HASH_QUEUE more bytes are the
 * queue; after it come the shares, a few bytes for each owner.
 */

/*
 * Open the lock file <dir>/hash.lock or, when that cannot be used, one of the
 * user's own in /tmp. E_UNAVAILABLE when neither can be used.
 */
enum err hash_gate_init(struct str dir);

/*
 * In a forked process: open the lock file anew now, since later the process may
 * not open files for writing (runtime/sandbox.h).
 */
void hash_gate_own(void);

/* See password_yield_to. */
void hash_gate_yield_to(const _Atomic int64_t *at);

/* See password_share. */
void hash_gate_share(struct str who);

/* Wait at most wait_ms for a slot; E_BUSY when the queue is full, the wait was
 * in vain, or the owner's share is used up. */
enum err hash_gate_take(int wait_ms);
void hash_gate_release(void);

/* Is the queue full? A hint, for turning requests away early. */
bool hash_gate_full(void);

/* How many slots there are: the cores this process may run on. */
int hash_gate_count(void);

#endif
