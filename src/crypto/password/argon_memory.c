#include <config.h>

#include "crypto/password/argon_memory.h"

#if defined(HASH_MEMORY) && !defined(SANITIZERS)

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <sodium.h>

/*
 * Every shared library of the process calls the program's own mmap() and
 * munmap() instead of libc's. All but one kind of call goes straight to the
 * kernel: while this thread hashes, it gets the kept region for one large
 * private anonymous mapping, and unmapping that only wipes it. libc itself
 * (malloc, threads, the loader) does not call these.
 */
#define HUGE_PAGE ((size_t)2 << 20)
#define SMALLEST ((size_t)1 << 20) /* Argon2 never asks for less */
#define LARGEST ((size_t)256 << 20) /* a larger one is not kept */

/* One per thread, so that no thread sees another's. */
static _Thread_local struct {
	char *p;
	size_t size; /* whole huge pages */
	size_t lent; /* bytes asked for, 0: not in use */
} region;

static _Thread_local bool hashing;

static void *
sys_mmap(void *addr, size_t len, int prot, int flags, int fd, off_t off)
{
	return (void *)syscall(SYS_mmap, addr, len, prot, flags, fd, off);
}

static int
sys_munmap(void *addr, size_t len)
{
	return (int)syscall(SYS_munmap, addr, len);
}

/* Map size bytes where huge pages fit, and unmap the rest on both sides. */
static char *
map_aligned(size_t size)
{
	size_t whole = size + HUGE_PAGE, before;
	char *p = sys_mmap(NULL, whole, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED)
		return NULL;
	before = -(uintptr_t)p & (HUGE_PAGE - 1);
	if (before)
		sys_munmap(p, before);
	if (before < HUGE_PAGE)
		sys_munmap(p + before + size, HUGE_PAGE - before);
	return p + before;
}

void
argon_memory_release(void)
{
	if (region.p == NULL || region.lent)
		return;
	sys_munmap(region.p, region.size);
	region.p = NULL;
	region.size = 0;
}

static bool
map_room(size_t len)
{
	size_t size = (len + HUGE_PAGE - 1) & ~(HUGE_PAGE - 1);

	if (region.size >= len)
		return true;
	argon_memory_release();
	if ((region.p = map_aligned(size)) == NULL)
		return false;
	region.size = size;
	madvise(region.p, size, MADV_HUGEPAGE);
	madvise(region.p, size, MADV_DONTDUMP); /* row PW9 */
	return true;
}

static bool
is_hash_request(const void *addr, size_t len, int prot, int flags, int fd)
{
	return hashing && addr == NULL && fd == -1 && region.lent == 0 &&
	    len >= SMALLEST && len <= LARGEST &&
	    prot == (PROT_READ | PROT_WRITE) && (flags & MAP_PRIVATE) &&
	    (flags & MAP_ANONYMOUS) && !(flags & MAP_FIXED);
}

void *
mmap(void *addr, size_t len, int prot, int flags, int fd, off_t off)
{
	if (is_hash_request(addr, len, prot, flags, fd) && map_room(len)) {
		region.lent = len;
		return region.p;
	}
	return sys_mmap(addr, len, prot, flags, fd, off);
}

/* off_t has 64 bits wherever this file is compiled. */
void *
mmap64(void *addr, size_t len, int prot, int flags, int fd, off_t off)
{
	return mmap(addr, len, prot, flags, fd, off);
}

int
munmap(void *addr, size_t len)
{
	if (addr == NULL || addr != region.p || region.lent == 0)
		return sys_munmap(addr, len);
	sodium_memzero(region.p, region.lent);
	region.lent = 0;
	return 0;
}

void
argon_memory_begin(void)
{
	hashing = true;
}

void
argon_memory_end(void)
{
	hashing = false;
}

size_t
argon_memory_kept(void)
{
	return region.size;
}

#else

void
argon_memory_begin(void)
{
}

void
argon_memory_end(void)
{
}

void
argon_memory_release(void)
{
}

size_t
argon_memory_kept(void)
{
	return 0;
}

#endif
