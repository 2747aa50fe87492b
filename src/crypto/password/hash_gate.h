#ifndef CRYPTO_PASSWORD_HASH_GATE_H
#define CRYPTO_PASSWORD_HASH_GATE_H

#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

/*
 * The host's bound on password hashes at once (row PW10): one byte per core of
 * a lock file, taken with open-file-description locks, so that a process that
 * is killed gives its slot back. LIMIT_HASH_QUEUE bytes more are the queue, and
 * behind it lie the shares, a few bytes for each owner.
 */

/*
 * Name the lock file <dir>/hash.lock and try it; when that cannot be used, one
 * of the user's own in /tmp. E_UNAVAILABLE when neither can.
 */
enum err hash_gate_init(struct str dir);

/*
 * In a process that was forked: open its own now, for later it may not open
 * files for writing any more (runtime/sandbox.h).
 */
void hash_gate_own(void);

/* See password_yield_to. */
void hash_gate_yield_to(const _Atomic int64_t *at);

/* See password_share. */
void hash_gate_share(struct str who);

/* Wait at most wait_ms for a slot; E_BUSY when the queue is full or over, or the
 * owner has his share. */
enum err hash_gate_take(int wait_ms);
void hash_gate_release(void);

/* Is the queue full? A hint, for turning requests away early. */
bool hash_gate_full(void);

/* How many slots there are: the cores this process may run on. */
int hash_gate_count(void);

#endif
