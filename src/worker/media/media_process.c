#include "worker/media/media_process.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "core/outgoing/media_url.h"
#include "runtime/sandbox.h"
#include "worker/circuit.h"
#include "worker/media/media_job.h"
#include "worker/media/media_nursery.h"

#define LOOK_MS 500

struct media {
	const struct config *config;
	int nursery;
	int fd; /* where orders come; -1: another process has that place */
	int running;
	struct circuit store;
};

/*
 * A request waits in a heavy worker while its picture is stored: half of those
 * that a host has are left for passwords.
 */
int
media_process_most(const struct config *c)
{
	long heavy = c->heavy_workers > 0 ? c->heavy_workers :
	    2 * sysconf(_SC_NPROCESSORS_ONLN);

	return heavy < 4 ? 1 : heavy > 16 ? 8 : (int)heavy / 2;
}

static void
refuse(int reply, enum handover_end end)
{
	const struct handover_answer answer = { .end = end };

	(void)!send(reply, &answer, sizeof(answer), MSG_NOSIGNAL);
}

/* While the store does not answer, nobody waits for it but who tries it. */
static bool
is_shut(const struct media *m)
{
	return m->store.open && !circuit_due(&m->store, clock_mono());
}

static void
begin_job(struct media *m, const struct handover_order *o, int reply, int file)
{
	pid_t pid = fork();

	if (pid == 0) {
		close(m->fd);
		_exit(media_job_run(m->config, m->nursery, o, reply, file));
	}
	if (pid > 0)
		m->running++;
	else
		refuse(reply, HANDOVER_BUSY);
}

static void
take_orders(struct media *m)
{
	struct handover_order o;
	int reply, file;

	while (handover_take(m->fd, &o, &reply, &file)) {
		if (is_shut(m))
			refuse(reply, HANDOVER_DOWN);
		else if (m->running >= media_process_most(m->config))
			refuse(reply, HANDOVER_BUSY);
		else
			begin_job(m, &o, reply, file);
		close(reply);
		close(file);
	}
}

/* The end of a job tells whether the store answers. */
static void
reap_jobs(struct media *m)
{
	int status;

	while (waitpid(-1, &status, WNOHANG) > 0) {
		m->running--;
		if (!WIFEXITED(status))
			continue;
		if (WEXITSTATUS(status) == HANDOVER_DOWN)
			circuit_fail(&m->store, clock_mono(), false);
		else if (WEXITSTATUS(status) == HANDOVER_DONE)
			circuit_close(&m->store);
	}
}

static void
serve(struct media *m)
{
	struct pollfd p = { .events = POLLIN };

	while (!child_stopping()) {
		if (m->fd < 0)
			m->fd = handover_listen(m->config->runtime_dir);
		p.fd = m->fd;
		poll(&p, 1, m->running ? 20 : LOOK_MS);
		reap_jobs(m);
		if (m->fd >= 0)
			take_orders(m);
	}
}

struct life {
	const struct config *config;
};

static void
media_process(void *arg)
{
	const struct life *l = arg;
	struct media m = { .config = l->config, .fd = -1,
		.nursery = media_nursery_socket() };

	if (l->config->seccomp)
		sandbox_enter(SANDBOX_MEDIA);
	serve(&m);
	handover_close(l->config->runtime_dir, m.fd);
}

void
media_process_keep(struct child *p, const struct config *c)
{
	struct life l = { c };

	if (!media_url_offered(c) || media_nursery_socket() < 0)
		return;
	p->also = media_nursery_socket();
	child_keep(p, "postern-media", media_process, &l);
}
