#include "tests/unit/unit.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/limits.h"
#include "web/worker/lane.h"

/* PW10: the queue is bounded, exactly, by the kernel's own count. */
START_TEST(the_lane_holds_its_number_and_not_one_more)
{
	struct lane l;
	bool late;
	int fd = open("/dev/null", O_RDONLY);
	struct fcgi_request rq = { fd, -1, true, false }, got;

	ck_assert(lane_open(&l));
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < LIMIT_HASH_QUEUE; i++) {
			ck_assert_int_eq(lane_waiting(&l), i);
			ck_assert(lane_give(&l, &rq));
		}
		ck_assert(!lane_give(&l, &rq));
		for (int i = 0; i < LIMIT_HASH_QUEUE; i++) {
			ck_assert_int_eq(lane_take(&l, &got, &late),
			    LANE_TAKEN);
			ck_assert(!late && got.bytes == -1);
			close(got.conn);
		}
		ck_assert_int_eq(lane_take(&l, &got, &late), LANE_EMPTY);
		ck_assert_int_eq(lane_waiting(&l), 0);
	}
}
END_TEST

START_TEST(a_connection_arrives_unread)
{
	struct lane l;
	struct fcgi_request rq, got;
	bool late;
	int pair[2];
	char text[8] = "";

	ck_assert(lane_open(&l));
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	ck_assert_int_eq(write(pair[0], "hello", 5), 5);
	rq = (struct fcgi_request){ pair[1], -1, true, true };
	ck_assert(lane_give(&l, &rq));
	close(pair[1]);
	ck_assert_int_eq(lane_take(&l, &got, &late), LANE_TAKEN);
	ck_assert(got.whole && got.last);
	ck_assert_int_eq(read(got.conn, text, 7), 5);
	ck_assert_str_eq(text, "hello");
	ck_assert(fcntl(got.conn, F_GETFD) & FD_CLOEXEC);
}
END_TEST

/* What was read of a slow request goes along with it. */
START_TEST(the_bytes_of_a_request_arrive_beside_it)
{
	struct lane l;
	struct fcgi_request rq, got;
	bool late;
	int pair[2];
	char text[8] = "";

	ck_assert(lane_open(&l));
	ck_assert_int_eq(pipe(pair), 0);
	ck_assert_int_eq(write(pair[1], "hello", 5), 5);
	rq = (struct fcgi_request){ pair[1], pair[0], false, false };
	ck_assert(lane_give(&l, &rq));
	close(pair[0]);
	ck_assert_int_eq(lane_take(&l, &got, &late), LANE_TAKEN);
	ck_assert(!got.whole && !got.last);
	ck_assert_int_eq(read(got.bytes, text, 7), 5);
	ck_assert_str_eq(text, "hello");
}
END_TEST

START_TEST(a_killed_taker_leaves_the_rest_and_the_count)
{
	struct lane l;
	bool late;
	int fd = open("/dev/null", O_RDONLY);
	struct fcgi_request rq = { fd, -1, true, false }, got;
	pid_t pid;

	ck_assert(lane_open(&l));
	for (int i = 0; i < 10; i++)
		ck_assert(lane_give(&l, &rq));
	if ((pid = fork()) == 0) {
		lane_close_give(&l);
		lane_take(&l, &got, &late);
		raise(SIGKILL);
	}
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	ck_assert_int_eq(lane_waiting(&l), 9);
}
END_TEST

START_TEST(what_waits_is_served_before_the_lane_closes)
{
	struct lane l;
	bool late;
	int fd = open("/dev/null", O_RDONLY);
	struct fcgi_request rq = { fd, -1, true, false }, got;

	ck_assert(lane_open(&l));
	ck_assert(lane_give(&l, &rq));
	lane_close_give(&l);
	ck_assert_int_eq(lane_take(&l, &got, &late), LANE_TAKEN);
	ck_assert_int_eq(lane_take(&l, &got, &late), LANE_CLOSED);
	ck_assert(!lane_give(&l, &rq));
}
END_TEST

/* PW10: whoever waited too long is told so instead of hashed for. */
START_TEST(what_waited_too_long_is_late)
{
	struct lane l;
	bool late = false;
	int fd = open("/dev/null", O_RDONLY);
	struct fcgi_request rq = { fd, -1, true, false }, got;

	ck_assert(lane_open(&l));
	ck_assert(lane_give(&l, &rq));
	usleep((LIMIT_HASH_WAIT_MS + 50) * 1000);
	ck_assert_int_eq(lane_take(&l, &got, &late), LANE_TAKEN);
	ck_assert(late);
}
END_TEST

UNIT("web/worker/lane", the_lane_holds_its_number_and_not_one_more,
    a_connection_arrives_unread, the_bytes_of_a_request_arrive_beside_it,
    a_killed_taker_leaves_the_rest_and_the_count,
    what_waits_is_served_before_the_lane_closes, what_waited_too_long_is_late)
