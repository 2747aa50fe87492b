/* The process that asks for the others: while they have requests. */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "web/keeper.h"

#include "tests/unit/unit.h"

static struct shared *shared;
static char dir[64];
static int postgres; /* a socket; nobody answers there */

static void
begin(void)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };

	unit_begin();
	log_open("test", "/dev/null", LOG_ERROR_);
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ck_assert_ptr_ne(shared, MAP_FAILED);
	snprintf(dir, sizeof(dir), "/tmp/postern-keeper.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(at.sun_path, sizeof(at.sun_path), "%s/.s.PGSQL.5432", dir);
	postgres = socket(AF_UNIX, SOCK_STREAM, 0);
	ck_assert_int_eq(bind(postgres, (struct sockaddr *)&at, sizeof(at)),
	    0);
	ck_assert_int_eq(listen(postgres, 8), 0);
}

static void
end(void)
{
	unlink(arena_fmt(a, "%s/.s.PGSQL.5432", dir).p);
	rmdir(dir);
	unit_end();
}

static pid_t
keeper(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		const struct cache_options none = { 0 };
		const struct db_options o = {
			.connect_timeout = CLOCK_SECOND,
			.statement_timeout = CLOCK_SECOND,
			.conninfo = arena_fmt(a, "host=%s dbname=x user=x",
			    dir).p };
		struct app app = { .shared = shared, .db = db_new(&o),
			.cache = cache_new(&none) };

		_exit(keeper_run(&app));
	}
	return pid;
}

static bool
asked(int ms)
{
	struct pollfd p = { .fd = postgres, .events = POLLIN };

	return poll(&p, 1, ms) == 1;
}

static void
stop(pid_t pid)
{
	int status;

	/* It may not have come to hear of the signal yet. */
	do
		kill(pid, SIGTERM);
	while (waitpid(pid, &status, WNOHANG) == 0 && poll(NULL, 0, 10) == 0);
	ck_assert(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
}

START_TEST(it_asks_while_requests_come)
{
	pid_t pid = keeper();

	while (!asked(10))
		atomic_fetch_add(&shared->requests, 1);
	/* Postgres does not answer: it asks again, and ends when it is told. */
	close(accept(postgres, NULL, NULL));
	while (!asked(10))
		atomic_fetch_add(&shared->requests, 1);
	stop(pid);
}
END_TEST

START_TEST(it_asks_nothing_while_none_comes)
{
	pid_t pid = keeper();

	ck_assert(!asked(1500));
	stop(pid);
	ck_assert(!asked(0));
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = { it_asks_while_requests_come,
		it_asks_nothing_while_none_comes };
	Suite *s = suite_create("web/keeper");
	TCase *t = tcase_create("keeper");

	tcase_add_checked_fixture(t, begin, end);
	tcase_set_timeout(t, 60);
	for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++)
		tcase_add_test(t, tests[i]);
	suite_add_tcase(s, t);
	return unit_run_suite(s);
}
