#ifndef CRYPTO_PASSWORD_ARGON_MEMORY_H
#define CRYPTO_PASSWORD_ARGON_MEMORY_H

#include <stddef.h>

/*
 * Argon2's working memory, kept between hashes and on huge pages. libsodium
 * maps and unmaps it for every hash, and the kernel's clearing of those pages
 * costs more than the hash: 76 hashes/s (19 MiB, t=2) of one process as it
 * is, 215 so; two processes on two cores 100 and 420. Where the program is
 * built without (--disable-hash-memory, sanitizers) these do nothing.
 *
 * The region belongs to the thread that hashes, and a fork copies it: hash
 * where the process does its work, not before forking.
 */

/* Between these two a large anonymous mmap() is served from the kept region. */
void argon_memory_begin(void);
void argon_memory_end(void);

/* Give the region back to the system. */
void argon_memory_release(void);

/* Bytes kept at the moment: 0 when there is no region. For tests. */
size_t argon_memory_kept(void);

#endif
