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
