#include "store/job_store.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"
#include "base/pid.h"
#include "crypto/seal.h"

struct job_draft
job_draft(struct arena *a, const struct keyring *k, const char *kind,
    int priority, int64_t ttl, struct str json)
{
	struct job_draft d = {
		.id = uuid_text(a, uuid_v7()),
		.kind = str_of(kind),
		.priority = priority,
		.ttl = ttl,
	};

	d.sealed = seal(a, k, job_bound(a, d.id), json);
	return d;
}

struct str
job_bound(struct arena *a, struct str id)
{
	return arena_fmt(a, "jobs/payload/%.*s", STR_FMT(id));
}

void
job_wake(const char *runtime_dir)
{
	static int fd = -1;
	static pid_t owner;
	struct sockaddr_un to = { .sun_family = AF_UNIX };

	if (fd < 0 || owner != pid_self()) {
		if (fd >= 0)
			close(fd);
		fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
		    0);
		owner = pid_self();
	}
	if (fd < 0 || snprintf(to.sun_path, sizeof(to.sun_path),
	    "%s/worker.sock", runtime_dir) >= (int)sizeof(to.sun_path))
		return;
	/* No worker, or its socket is full: it polls the queue anyway. */
	(void)!sendto(fd, "", 1, MSG_DONTWAIT | MSG_NOSIGNAL,
	    (const struct sockaddr *)&to, sizeof(to));
}
