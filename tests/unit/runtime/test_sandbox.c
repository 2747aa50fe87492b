/*
 * What the processes may not ask of the kernel, tried: each call in a child
 * that is confined as the program is (runtime/sandbox.h).
 */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <arpa/inet.h>

#include "base/log.h"
#include "runtime/sandbox.h"

#include "tests/unit/unit.h"

#define ENDED 1000 /* by SIGSYS */
#define SOMEWHERE "/tmp/postern-sandbox-test"

static const enum sandbox confined[] = { SANDBOX_WEB, SANDBOX_QUEUE,
	SANDBOX_COURIER, SANDBOX_EVENTS, SANDBOX_MEDIA };

/* errno of what it did, 0 when it was done, or ENDED. */
static int
outcome(enum sandbox which, int (*act)(void))
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		sandbox_enter(which);
		errno = 0;
		_exit(act() < 0 ? errno : 0);
	}
	waitpid(pid, &status, 0);
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS)
		return ENDED;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int
run_program(void)
{
	return execl("/bin/true", "true", (char *)NULL);
}

static int
run_program_by_descriptor(void)
{
	int fd = open("/bin/true", O_RDONLY);
	char *argv[] = { (char []){ "true" }, NULL };

	return fexecve(fd, argv, argv + 1);
}

static int
trace_parent(void)
{
	return (int)ptrace(PTRACE_ATTACH, getppid(), NULL, NULL);
}

static int
read_parent(void)
{
	char c;
	struct iovec to = { &c, 1 }, from = { &c, 1 };

	return (int)syscall(SYS_process_vm_readv, getppid(), &to, 1, &from, 1,
	    0);
}

static int
raw_packets(void)
{
	return socket(AF_PACKET, SOCK_RAW, 0);
}

static int
kernel_crypto(void)
{
	return socket(AF_ALG, SOCK_SEQPACKET, 0);
}

static int
firewall(void)
{
	return socket(AF_NETLINK, SOCK_RAW, 12);
}

static int
infrared(void)
{
	return socket(4, SOCK_STREAM, 0);
}

static int
new_user_space(void)
{
	return unshare(CLONE_NEWUSER);
}

static int
load_bpf(void)
{
	return (int)syscall(SYS_bpf, 0, NULL, 0);
}

static int
file_in_memory(void)
{
	return (int)syscall(SYS_memfd_create, "x", 0);
}

static int
new_user_space_by_clone(void)
{
	return (int)syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0);
}

static int (*const attacks[])(void) = { trace_parent, read_parent,
	raw_packets, kernel_crypto, firewall, infrared, new_user_space,
	new_user_space_by_clone, load_bpf };

START_TEST(what_only_an_attacker_asks_for_ends_the_process)
{
	ck_assert_int_eq(outcome(SANDBOX_MASTER, attacks[_i]), ENDED);
	for (size_t i = 0; i < sizeof(confined) / sizeof(confined[0]); i++)
		ck_assert_int_eq(outcome(confined[i], attacks[_i]), ENDED);
}
END_TEST

/* The master alone, which becomes the next version on a reload. */
START_TEST(no_other_runs_a_program)
{
	ck_assert_int_eq(outcome(SANDBOX_MASTER, run_program), 0);
	for (size_t i = 0; i < sizeof(confined) / sizeof(confined[0]); i++) {
		ck_assert_int_eq(outcome(confined[i], run_program), ENDED);
		ck_assert_int_eq(outcome(confined[i],
		    run_program_by_descriptor), ENDED);
	}
}
END_TEST

static int
write_file(void)
{
	return open(SOMEWHERE, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
}

static int
change_file(void)
{
	return open("/dev/null", O_RDWR | O_CLOEXEC);
}

static int
cut_file(void)
{
	return open("/dev/null", O_RDONLY | O_TRUNC | O_CLOEXEC);
}

START_TEST(who_writes_no_file_opens_none_for_it)
{
	static const enum sandbox none[] = { SANDBOX_WEB, SANDBOX_COURIER,
		SANDBOX_EVENTS };

	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		ck_assert_int_eq(outcome(none[i], write_file), ENDED);
		ck_assert_int_eq(outcome(none[i], change_file), ENDED);
		ck_assert_int_eq(outcome(none[i], cut_file), ENDED);
	}
	ck_assert_int_eq(outcome(SANDBOX_QUEUE, write_file), 0);
	unlink(SOMEWHERE);
}
END_TEST

static int
listen_somewhere(void)
{
	struct sockaddr_in to = { .sin_family = AF_INET };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (bind(fd, (struct sockaddr *)&to, sizeof(to)) < 0)
		return 0; /* not what is tried */
	return listen(fd, 1);
}

static int
run_what_was_written(void)
{
	return mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? -1 : 0;
}

static int
make_it_run(void)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return mprotect(p, 4096, PROT_READ | PROT_EXEC);
}

static int
make_a_file_set_user(void)
{
	return chmod("/", 04777);
}

static int
become_another(void)
{
	return setuid(12345);
}

static int
stop_init(void)
{
	return kill(1, 0);
}

/* The parent, as if it were a thread of one's own. */
static int
stop_parent(void)
{
	pid_t parent = getppid();

	return (int)syscall(SYS_tgkill, parent, parent, 0);
}

/* Of libpq, by Kerberos' library. */
static int
look_for_keys(void)
{
	return (int)syscall(SYS_keyctl, 0, -3, 0);
}

static int
unknown_call(void)
{
	return (int)syscall(SYS_acct, NULL);
}

START_TEST(what_is_merely_unknown_is_refused)
{
	static int (*const acts[])(void) = { listen_somewhere,
		run_what_was_written, make_it_run, make_a_file_set_user,
		become_another, stop_init, stop_parent, look_for_keys,
		unknown_call };

	for (size_t i = 0; i < sizeof(acts) / sizeof(acts[0]); i++)
		ck_assert_int_eq(outcome(SANDBOX_WEB, acts[i]), EPERM);
	ck_assert_int_eq(outcome(SANDBOX_COURIER, file_in_memory), EPERM);
	ck_assert_int_eq(outcome(SANDBOX_COURIER, stop_parent), EPERM);
}
END_TEST

static int
look_up(void)
{
	struct addrinfo *found;

	return getaddrinfo("localhost", "80", NULL, &found) ? -1 : 0;
}

static void *
nothing(void *arg)
{
	return arg;
}

static int
have_a_thread(void)
{
	pthread_t t;

	errno = pthread_create(&t, NULL, nothing, NULL);
	return errno ? -1 : pthread_join(t, NULL);
}

static int
have_a_child(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	return waitpid(pid, NULL, 0) == pid ? 0 : -1;
}

static int
read_file(void)
{
	return open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
}

static int
reach_a_server(void)
{
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK, 0);

	return fd < 0 && errno != EAFNOSUPPORT ? -1 :
	    socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

static int
count_filters(void)
{
	char line[128];
	FILE *f = fopen("/proc/self/status", "re");
	int n = -1;

	while (f && fgets(line, sizeof(line), f))
		sscanf(line, "Seccomp_filters: %d", &n);
	return n;
}

/* As the courier is, below the queue worker. */
static int
confine_more(void)
{
	int before = count_filters();

	sandbox_enter(SANDBOX_COURIER);
	return count_filters() == before + 1 ? 0 : -1;
}

START_TEST(what_the_work_needs_is_done)
{
	static int (*const acts[])(void) = { look_up, have_a_thread,
		have_a_child, read_file, reach_a_server };

	for (size_t p = 0; p < sizeof(confined) / sizeof(confined[0]); p++)
		for (size_t i = 0; i < sizeof(acts) / sizeof(acts[0]); i++)
			ck_assert_int_eq(outcome(confined[p], acts[i]), 0);
	ck_assert_int_eq(outcome(SANDBOX_QUEUE, confine_more), 0);
}
END_TEST

static int
enter_again(void)
{
	int before = count_filters();

	sandbox_enter(SANDBOX_WEB);
	return count_filters() == before ? 0 : -1;
}

START_TEST(entering_again_adds_nothing)
{
	ck_assert_int_eq(outcome(SANDBOX_WEB, enter_again), 0);
}
END_TEST

static int
is_private(void)
{
	struct rlimit core;

	sandbox_private();
	return getrlimit(RLIMIT_CORE, &core) == 0 && core.rlim_max == 0 &&
	    prctl(PR_GET_DUMPABLE) == 0 &&
	    prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ? 0 : -1;
}

START_TEST(a_private_process_leaves_no_core)
{
	ck_assert_int_eq(outcome(SANDBOX_MASTER, is_private), 0);
}
END_TEST

int
main(void)
{
	Suite *s;
	TCase *t;

	if (!sandbox_built()) {
		puts("1..0 # SKIP system calls are not filtered");
		return 0;
	}
	s = suite_create("base/sandbox");
	t = tcase_create("tried");
	log_open("test", "/dev/null", LOG_DEBUG_);
	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, what_only_an_attacker_asks_for_ends_the_process,
	    0, sizeof(attacks) / sizeof(attacks[0]));
	tcase_add_test(t, no_other_runs_a_program);
	tcase_add_test(t, who_writes_no_file_opens_none_for_it);
	tcase_add_test(t, what_is_merely_unknown_is_refused);
	tcase_add_test(t, what_the_work_needs_is_done);
	tcase_add_test(t, entering_again_adds_nothing);
	tcase_add_test(t, a_private_process_leaves_no_core);
	suite_add_tcase(s, t);
	return unit_run_suite(s);
}
