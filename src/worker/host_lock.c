#include "worker/host_lock.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/log.h"

#define PREFIX "worker-"
#define SUFFIX ".lock"

static struct str
path_of(struct arena *a, const char *dir, struct str id, const char *more)
{
	return arena_fmt(a, "%s/" PREFIX "%.*s" SUFFIX "%s", dir,
	    STR_FMT(id), more);
}

struct host_lock
host_lock_new(struct arena *a, const char *runtime_dir)
{
	struct host_lock h = { uuid_v7(), -1 };
	struct str id = uuid_text(a, h.id);
	const char *draft = path_of(a, runtime_dir, id, "-").p;

	/* The file is locked before it gets its name: never seen unlocked. */
	h.fd = open(draft, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (h.fd < 0 || flock(h.fd, LOCK_EX | LOCK_NB) < 0 ||
	    rename(draft, path_of(a, runtime_dir, id, "").p) < 0) {
		log_warn("no lock file: leases of a killed worker run out",
		    log_c("dir", runtime_dir), log_c("why", strerror(errno)));
		if (h.fd >= 0) {
			unlink(draft);
			close(h.fd);
		}
		h.fd = -1;
	}
	return h;
}

void
host_lock_leave(struct host_lock *h, struct arena *a, const char *runtime_dir)
{
	if (h->fd < 0)
		return;
	unlink(path_of(a, runtime_dir, uuid_text(a, h->id), "").p);
	close(h->fd);
	h->fd = -1;
}

/* The uuid in "worker-<uuid>.lock". */
static bool
id_of(const char *name, struct str *id)
{
	struct str s = str_of(name);
	const struct str prefix = STR(PREFIX), suffix = STR(SUFFIX);
	struct uuid u;

	if (!str_starts(s, prefix) || !str_ends(s, suffix) ||
	    s.n != prefix.n + 36 + suffix.n)
		return false;
	*id = str_slice(s, prefix.n, prefix.n + 36);
	return uuid_parse(*id, &u);
}

static void
reap_one(struct arena *a, const char *dir, struct str id,
    bool (*dead)(void *arg, struct str id), void *arg)
{
	const char *path = path_of(a, dir, id, "").p;
	int fd = open(path, O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return;
	/* A living worker holds this lock, so who gets it cleans up. */
	if (flock(fd, LOCK_EX | LOCK_NB) == 0 && dead(arg, id))
		unlink(path);
	close(fd);
}

void
host_lock_reap(struct arena *a, const char *runtime_dir,
    bool (*dead)(void *arg, struct str id), void *arg)
{
	DIR *d = opendir(runtime_dir);
	struct dirent *e;
	struct str id;

	if (d == NULL)
		return;
	while ((e = readdir(d)) != NULL)
		if (id_of(e->d_name, &id))
			reap_one(a, runtime_dir, id, dead, arg);
	closedir(d);
}
