#include "runtime/shared.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

#define SHARED_VERSION 8
#define SAME_START (5 * CLOCK_SECOND)

static void
complain(const char *msg, const char *path)
{
	log_warn(msg, log_c("path", path), log_c("error", strerror(errno)));
}

/* A file of ours, for nobody else? */
static bool
is_private(const struct stat *st, bool make)
{
	return S_ISREG(st->st_mode) && (st->st_mode & 077) == 0 &&
	    (st->st_uid == geteuid() || (geteuid() == 0 && !make));
}

/*
 * Reserve the whole structure: when the file system is full a page that nobody
 * used yet would be a signal in the middle of a request.
 */
static bool
reserve(int fd, const struct stat *st)
{
	const off_t size = sizeof(struct shared);

	if (st->st_size >= size && st->st_blocks * 512 >= size)
		return true;
	errno = posix_fallocate(fd, 0, size);
	return errno == 0;
}

static bool
is_good(int fd, bool make)
{
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return false;
	errno = EPERM;
	return is_private(&st, make) && reserve(fd, &st);
}

/*
 * Open the file. O_NOFOLLOW: other users may be able to write to the directory.
 */
static int
open_shared(const char *dir, bool make)
{
	char path[4096];
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
	if (is_good(fd, make))
		return fd;
	complain("shared memory is private to this process", path);
	if (fd >= 0)
		close(fd);
	return -1;
}

static struct shared *
map_shared(int fd)
{
	void *p = mmap(NULL, sizeof(struct shared), PROT_READ | PROT_WRITE,
	    MAP_SHARED | (fd < 0 ? MAP_ANONYMOUS : 0), fd, 0);

	return p == MAP_FAILED ? NULL : p;
}

void
shared_forget(struct shared *s)
{
	shared_count_renew(&s->counts);
	shared_table_renew(&s->proved);
}

/*
 * What was kept before the machine started is forgotten, for the file may be
 * older, or a copy: monotonic times in it mean nothing then. The start is told
 * by its time, for the kernel's number of it may be out of sight
 * (ProcSubset=pid). A clock that is set looks like a start, and does no harm.
 */
static void
begin_anew(struct shared *s)
{
	int64_t boot = clock_wall() - clock_boot(), was = atomic_load(&s->boot);

	if (was && boot - was < SAME_START && was - boot < SAME_START)
		return;
	shared_forget(s);
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
