#ifndef CRYPTO_PASSWORD_ARGON_MEMORY_H
#define CRYPTO_PASSWORD_ARGON_MEMORY_H

#include <stddef.h>

/*
 * Argon2's working memory, kept between hashes and on huge pages. libsodium
 * maps and unmaps it for every hash, and the kernel takes longer to clear those
 * pages than the hash takes. One process makes 76 hashes/s (19 MiB, t=2)
 * without this and 215 with it; two processes on two cores 100 and 420. In a
 * build without it (--disable-hash-memory, sanitizers) these do nothing.
 *
 * The region belongs to the thread that hashes, and a fork copies it: hash
 * after forking, in the process that does the work.
 */

/* Between these two a large anonymous mmap() gets the kept region. */
void argon_memory_begin(void);
void argon_memory_end(void);

/* Give the region back to the system. */
void argon_memory_release(void);

/* Bytes kept now, 0 when there is no region. For tests. */
size_t argon_memory_kept(void);

#endif
