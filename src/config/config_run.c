#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "config/config_private.h"

/* A file in memory to read from: no pipe that a program may close early. */
static int
input_file(struct str input)
{
	int fd = memfd_create("input", MFD_CLOEXEC);

	if (fd >= 0 && input.n && (write(fd, input.p, input.n) !=
	    (ssize_t)input.n || lseek(fd, 0, SEEK_SET) != 0)) {
		close(fd);
		return -1;
	}
	return fd;
}

/* The child: input, output, and no other file of its parent. */
static void
become(const struct config_run *run, int in, int out)
{
	int null = open("/dev/null", O_WRONLY);
	sigset_t none;

	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	if (dup2(in, 0) == 0 && dup2(out, 1) == 1 && dup2(null, 2) == 2) {
		close_range(3, ~0u, 0);
		execvpe(run->argv[0], run->argv, run->env);
	}
	_exit(127);
}

/* Read to the end of fd. False: the time is over, or it is too much. */
static bool
read_output(int fd, int64_t until, char *p, size_t *n, const char **why)
{
	struct pollfd ready = { .fd = fd, .events = POLLIN };

	for (;;) {
		int64_t left = (until - clock_mono() + 999) / 1000;
		ssize_t got;

		if (left <= 0) {
			*why = "did not answer in time";
			return false;
		}
		if (poll(&ready, 1, (int)left) <= 0)
			continue;
		got = read(fd, p + *n, CONFIG_FILE_MAX + 1 - *n);
		if (got == 0)
			return true;
		*n += got > 0 ? (size_t)got : 0;
		if (*n > CONFIG_FILE_MAX) {
			*why = "answered too much";
			return false;
		}
	}
}

/* Ended within the time? What closed its output may still run. */
static bool
wait_until(pid_t pid, int64_t until, int *status)
{
	const struct timespec pause = { .tv_nsec = 2000000 };
	pid_t done;

	while ((done = waitpid(pid, status, WNOHANG)) == 0 &&
	    clock_mono() < until)
		nanosleep(&pause, NULL);
	return done == pid;
}

static int
end_program(pid_t pid, int64_t until, const char **why)
{
	int status = 0;

	if (*why == NULL && !wait_until(pid, until, &status))
		*why = "did not end in time";
	kill(-pid, SIGKILL);
	if (*why) {
		waitpid(pid, &status, 0);
		return -1;
	}
	if (WIFEXITED(status) && WEXITSTATUS(status) != 127)
		return WEXITSTATUS(status);
	*why = WIFEXITED(status) ? "cannot be run" : "was ended by a signal";
	return -1;
}

static int
run_between(struct arena *a, const struct config_run *run, int in,
    const int out[2], struct str *text, const char **why)
{
	int64_t until = clock_mono() + run->time;
	char *p = arena_alloc(a, CONFIG_FILE_MAX + 2);
	pid_t pid = fork();
	size_t n = 0;

	if (pid == 0)
		become(run, in, out[1]);
	close(out[1]);
	if (pid < 0) {
		*why = "cannot be run";
		return -1;
	}
	setpgid(pid, pid); /* whoever comes first */
	read_output(out[0], until, p, &n, why);
	*text = (struct str){ p, n };
	return end_program(pid, until, why);
}

int
config_run(struct arena *a, const struct config_run *run, struct str *out,
    const char **why)
{
	int in = input_file(run->input), pipes[2], status;

	*why = NULL;
	if (in < 0 || pipe2(pipes, O_CLOEXEC) != 0) {
		*why = "cannot be run";
		if (in >= 0)
			close(in);
		return -1;
	}
	status = run_between(a, run, in, pipes, out, why);
	close(pipes[0]);
	close(in);
	return status;
}
