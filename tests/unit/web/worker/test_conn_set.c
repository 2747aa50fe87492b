#include "tests/unit/unit.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "web/worker/conn_set.h"

#define MANY (3 * CONN_LATE)
#define SOON CLOCK_SECOND
#define LATER (60 * CLOCK_SECOND)

static struct conn *
add(struct conn_set *s, enum conn_state state, int64_t until)
{
	struct conn *c = conn_set_add(s, dup(STDIN_FILENO));

	conn_set_state(s, c, state, until);
	return c;
}

/* Drop those that are told; how many. */
static size_t
drop_late(struct conn_set *s, int64_t now)
{
	struct conn *late[CONN_LATE];
	size_t n = conn_set_expired(s, now, late);

	for (size_t i = 0; i < n; i++)
		conn_set_drop(s, late[i]);
	conn_set_bury(s);
	return n;
}

/* HB5: thousands that expire together hold up nobody for all of their time. */
START_TEST(few_expire_at_once_and_all_in_the_end)
{
	struct conn_set s;
	struct conn *young;

	conn_set_open(&s, epoll_create1(0), MANY + 1);
	young = add(&s, CONN_REQUEST, LATER);
	for (int i = 0; i < MANY; i++)
		add(&s, i % 2 ? CONN_REQUEST : CONN_IDLE, SOON);
	ck_assert_uint_eq(drop_late(&s, SOON - 1), 0);
	for (int i = 0; i < MANY; i += CONN_LATE) {
		ck_assert_int_eq(conn_set_wait(&s, SOON), 0);
		ck_assert_uint_eq(drop_late(&s, SOON), CONN_LATE);
	}
	ck_assert_uint_eq(drop_late(&s, SOON), 0);
	ck_assert(s.active.oldest == young && s.count == 1);
	ck_assert_int_ne(conn_set_wait(&s, SOON), 0);
	ck_assert_uint_eq(drop_late(&s, LATER), 1);
	ck_assert_uint_eq(drop_late(&s, LATER), 0);
	ck_assert_int_eq(conn_set_wait(&s, LATER), -1);
	conn_set_close(&s);
}
END_TEST

/* The bound of number takes who is idle, however much others have to do. */
START_TEST(who_is_idle_makes_room_first)
{
	struct conn_set s;
	struct conn *busy, *last;

	conn_set_open(&s, epoll_create1(0), 3);
	busy = add(&s, CONN_REQUEST, 100);
	add(&s, CONN_IDLE, 100);
	add(&s, CONN_IDLE, 100);
	for (int i = 0; i < 10; i++) {
		last = add(&s, CONN_IDLE, 100);
		conn_set_keep_bounds(&s, last);
		ck_assert_uint_eq(s.count, 3);
		ck_assert(s.idle.newest == last && s.active.oldest == busy);
		conn_set_bury(&s);
	}
	conn_set_close(&s);
}
END_TEST

/*
 * HB5. A heavy worker may be done with a request before the light one, which
 * passed its end of a pair on, has closed that.
 */
START_TEST(what_is_dropped_has_no_event_while_another_has_it_too)
{
	struct conn_set s;
	struct conn *c;
	struct epoll_event ev;
	int poll_fd = epoll_create1(0), pair[2], other;

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	other = dup(pair[1]);
	conn_set_open(&s, poll_fd, 10);
	c = conn_set_add(&s, pair[1]);
	ck_assert(conn_set_watch(&s, c, false, EPOLLIN | EPOLLRDHUP));
	shutdown(pair[0], SHUT_WR);
	ck_assert_int_eq(epoll_wait(poll_fd, &ev, 1, 0), 1);
	conn_set_drop(&s, c);
	conn_set_bury(&s);
	ck_assert_int_eq(epoll_wait(poll_fd, &ev, 1, 0), 0);
	close(pair[0]);
	close(other);
	conn_set_close(&s);
}
END_TEST

UNIT("web/worker/conn_set", few_expire_at_once_and_all_in_the_end,
    who_is_idle_makes_room_first,
    what_is_dropped_has_no_event_while_another_has_it_too)
