#include "web/reload.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/str.h"
#include "config/config.h"
#include "runtime/environ.h"
#include "web/listen.h"

/* "PID FD WORKER…"; it counts only in the process that wrote it. */
#define ADOPT "POSTERN_ADOPT"
#define ADOPT_BYTES 8192

/*
 * The descriptor of a file in memory: what a manager of secrets answers to the
 * check is what the new program is given, so that a manager which goes away
 * between the two stops nothing.
 */
#define ANSWER "POSTERN_ANSWER"

static struct {
	char program[PATH_MAX]; /* resolved at start: it may be replaced */
	char **argv;
	int argc;
} start;

void
reload_remember(int argc, char **argv)
{
	ssize_t n = readlink("/proc/self/exe", start.program,
	    sizeof(start.program) - 1);

	if (n < 0)
		n = 0;
	start.program[n] = '\0';
	start.argc = argc;
	start.argv = memory_new("arguments", (size_t)argc + 1,
	    sizeof(*start.argv));
	for (int i = 0; i < argc; i++)
		start.argv[i] = memory_copy("arguments", argv[i]);
	environ_keep();
}

void
reload_forget(void)
{
	environ_forget();
}

static int answer_fd = -1;

static bool
is_ours(const char *variable)
{
	return strncmp(variable, ADOPT "=", sizeof(ADOPT)) == 0 ||
	    strncmp(variable, ANSWER "=", sizeof(ANSWER)) == 0;
}

/*
 * The environment of the start without ours, then where the answer lies, and
 * more behind it, or NULL.
 */
static char **
environment(char *more)
{
	static char answer[sizeof(ANSWER) + 16];
	size_t nkept, n = 0;
	char **kept = environ_kept(&nkept);
	char **env = calloc(nkept + 3, sizeof(*env));

	for (size_t i = 0; env && i < nkept; i++)
		if (!is_ours(kept[i]))
			env[n++] = kept[i];
	if (env && answer_fd >= 0) {
		snprintf(answer, sizeof(answer), ANSWER "=%d", answer_fd);
		env[n++] = answer;
	}
	if (env)
		env[n] = more;
	return env;
}

/* Only the check and the new program have it; the workers are born later. */
static void
open_answer(void)
{
	if (answer_fd >= 0)
		config_answer_wipe(answer_fd);
	else
		answer_fd = memfd_create("answer", 0);
}

void
reload_use_answer(void)
{
	long long fd;

	if (str_to_int(str_of(getenv(ANSWER)), 3, INT_MAX, &fd)) {
		answer_fd = (int)fd;
		config_answer_at(answer_fd);
	}
	unsetenv(ANSWER);
}

void
reload_drop_answer(void)
{
	if (answer_fd < 0)
		return;
	config_answer_at(-1);
	config_answer_wipe(answer_fd);
	close(answer_fd);
	answer_fd = -1;
}

static void
clear_signals(void)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

pid_t
reload_check(void)
{
	char **env, **argv;
	pid_t pid;

	open_answer();
	env = environment(NULL);
	argv = calloc((size_t)start.argc + 2, sizeof(*argv));
	if (env == NULL || argv == NULL || start.argc < 1) {
		free(env);
		free(argv);
		return -1;
	}
	/* First, so that no option before it takes it for a value. */
	argv[0] = start.argv[0];
	argv[1] = (char []){ "--check" };
	for (int i = 1; i < start.argc; i++)
		argv[i + 1] = start.argv[i];
	pid = fork();
	if (pid == 0) {
		clear_signals();
		execve(start.program, argv, env);
		_exit(127);
	}
	free(env);
	free(argv);
	return pid;
}

void
reload_exec(int listen_fd, const pid_t *workers, size_t n)
{
	static char adopt[ADOPT_BYTES];
	int used = snprintf(adopt, sizeof(adopt), ADOPT "=%d %d",
	    (int)getpid(), listen_fd);
	char **env = environment(adopt);
	int flags = fcntl(listen_fd, F_GETFD);

	for (size_t i = 0; i < n && used < ADOPT_BYTES - 16; i++)
		used += snprintf(adopt + used, (size_t)(ADOPT_BYTES - used),
		    " %d", (int)workers[i]);
	if (env && flags >= 0 &&
	    fcntl(listen_fd, F_SETFD, flags & ~FD_CLOEXEC) == 0)
		execve(start.program, start.argv, env);
	free(env);
}

/* Is pid a child of this process, dead or alive? */
static bool
is_child(pid_t pid)
{
	siginfo_t info;

	return waitid(P_PID, (id_t)pid, &info,
		   WEXITED | WNOHANG | WNOWAIT) == 0;
}

bool
reload_adopt(int *listen_fd, pid_t *workers, size_t room, size_t *n)
{
	struct str rest = str_of(getenv(ADOPT)), word;
	long long number;
	bool mine;

	*n = 0;
	mine = str_split(&rest, ' ', &word) &&
	    str_to_int(word, 1, INT_MAX, &number) && number == getpid() &&
	    str_split(&rest, ' ', &word) &&
	    str_to_int(word, 0, INT_MAX, &number) && listen_is((int)number);
	if (mine)
		*listen_fd = (int)number;
	while (mine && *n < room && str_split(&rest, ' ', &word))
		if (str_to_int(word, 2, INT_MAX, &number) &&
		    is_child((pid_t)number))
			workers[(*n)++] = (pid_t)number;
	unsetenv(ADOPT);
	return mine;
}
