#include "runtime/shared.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sodium.h>

#include "base/clock.h"
#include "base/log.h"

#define SHARED_VERSION 8

/* Tests empty both tables: tests/e2e/conftest.py. */
_Static_assert(offsetof(struct shared, proved) + sizeof(struct shared_table) ==
    sizeof(struct shared), "the tables are the end");

static void
complain(const char *msg, const char *path)
{
	log_warn(msg, log_c("path", path), log_c("error", strerror(errno)));
}

/*
 * Open the file and make it at least as long as the structure. O_NOFOLLOW:
 * other users may be able to write to the directory.
 */
static int
open_shared(const char *dir, bool make)
{
	char path[4096];
	struct stat st;
	int n, fd;

	if (make && mkdir(dir, 0750) < 0 && errno != EEXIST)
		complain("runtime directory cannot be made", dir);
	n = snprintf(path, sizeof(path), "%s/shared", dir);
	if (n < 0 || (size_t)n >= sizeof(path)) {
		errno = ENAMETOOLONG;
		complain("shared memory is private to this process", dir);
		return -1;
	}
	fd = open(path, O_RDWR | (make ? O_CREAT : 0) | O_CLOEXEC |
	    O_NOFOLLOW, 0600);
	if (fd < 0 && !make && errno == ENOENT)
		return -1;
	if (fd < 0 || fstat(fd, &st) < 0 ||
	    (st.st_size < (off_t)sizeof(struct shared) &&
		ftruncate(fd, sizeof(struct shared)) < 0)) {
		complain("shared memory is private to this process", path);
		if (fd >= 0)
			close(fd);
		return -1;
	}
	return fd;
}

static struct shared *
map_shared(int fd)
{
	void *p = mmap(NULL, sizeof(struct shared), PROT_READ | PROT_WRITE,
	    MAP_SHARED | (fd < 0 ? MAP_ANONYMOUS : 0), fd, 0);

	return p == MAP_FAILED ? NULL : p;
}

/*
 * A number of this start of the machine, for the file may be older, or a copy:
 * monotonic times in it mean nothing then. Where the kernel does not tell it,
 * a number of this process.
 */
static uint64_t
boot_of_machine(void)
{
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	uint64_t h = 14695981039346656037ull; /* FNV-1a */
	char id[64];
	ssize_t n = fd < 0 ? -1 : read(fd, id, sizeof(id));

	if (fd >= 0)
		close(fd);
	if (n <= 0)
		randombytes_buf(&h, sizeof(h));
	for (ssize_t i = 0; i < n; i++)
		h = (h ^ (uint8_t)id[i]) * 1099511628211ull;
	return h | 1;
}

/* What was kept before the machine started is forgotten. */
static void
begin_anew(struct shared *s)
{
	uint64_t boot = boot_of_machine();

	if (atomic_load(&s->boot) == boot)
		return;
	shared_count_renew(&s->counts);
	shared_table_renew(&s->proved);
	atomic_store(&s->changes_asked, 0);
	atomic_store(&s->database_ahead, 0);
	atomic_store(&s->news, 0);
	atomic_store(&s->boot, boot);
}

static struct shared *
use_shared(const char *runtime_dir, bool make)
{
	int fd = open_shared(runtime_dir, make);
	struct shared *s = map_shared(fd);
	bool alone = s == NULL;
	int64_t never = 0;

	if (fd >= 0)
		close(fd);
	if (alone && (s = map_shared(-1)) == NULL) {
		complain("no memory to share", runtime_dir);
		exit(70); /* EX_SOFTWARE */
	}
	/* Zeroes are a valid state; a file of another layout is cleared. */
	if (s->version != SHARED_VERSION) {
		if (s->version)
			memset(s, 0, sizeof(*s));
		s->version = SHARED_VERSION;
	}
	s->alone = fd < 0 || alone;
	begin_anew(s);
	atomic_compare_exchange_strong(&s->started_wall, &never,
	    clock_wall());
	metric_use(&s->metrics);
	return s;
}

struct shared *
shared_open(const char *runtime_dir)
{
	return use_shared(runtime_dir, true);
}

struct shared *
shared_join(const char *runtime_dir)
{
	return use_shared(runtime_dir, false);
}
