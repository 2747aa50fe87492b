#include "worker/asker.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "config/config.h"
#include "runtime/wait.h"

#define NAME "postern-asker"
#define WAIT (10 * CLOCK_SECOND)

/* The worker's end, and where the answer lies; each plus one, 0: none. */
static struct {
	int peer, answer;
} asker;

static void
read_in_child(void (*read_settings)(void *arg), void *arg)
{
	pid_t pid = fork();

	if (pid == 0) {
		read_settings(arg);
		_exit(0);
	}
	if (pid > 0)
		waitpid(pid, NULL, 0);
}

/* Ends when the worker does: its end of the socket is closed then. */
static void
serve(int fd, void (*read_settings)(void *arg), void *arg)
{
	char byte;

	prctl(PR_SET_NAME, NAME);
	signal(SIGHUP, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	while (read(fd, &byte, 1) == 1) {
		read_in_child(read_settings, arg);
		if (write(fd, &byte, 1) != 1)
			break;
	}
	_exit(0);
}

bool
asker_start(void (*read_settings)(void *arg), void *arg)
{
	int ends[2], fd = memfd_create("answer", MFD_CLOEXEC);
	pid_t pid;

	if (fd < 0 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0,
	    ends) != 0) {
		if (fd >= 0)
			close(fd);
		return false;
	}
	config_answer_at(fd);
	pid = fork();
	if (pid == 0) {
		close(ends[0]);
		serve(ends[1], read_settings, arg);
	}
	close(ends[1]);
	asker.peer = ends[0] + 1;
	asker.answer = fd + 1;
	return pid > 0;
}

/* The answers of those who waited no longer. */
static void
forget_late_answers(int fd)
{
	char late[16];

	while (recv(fd, late, sizeof(late), MSG_DONTWAIT) > 0)
		continue;
}

void
asker_ask(void)
{
	int fd = asker.peer - 1;
	char byte = 0;

	if (asker.peer == 0)
		return;
	forget_late_answers(fd);
	asker_wipe();
	if (send(fd, &byte, 1, MSG_NOSIGNAL) == 1 &&
	    wait_fd(fd, POLLIN, clock_mono() + WAIT))
		(void)!read(fd, &byte, 1);
}

void
asker_wipe(void)
{
	if (asker.answer)
		config_answer_wipe(asker.answer - 1);
}
