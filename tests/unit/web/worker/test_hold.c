#include "tests/unit/unit.h"

#include <sys/socket.h>
#include <unistd.h>

#include "web/worker/hold.h"

/*
 * HB5. A heavy worker may be done with a connection before the light one, which
 * passed it on, has closed it.
 */
START_TEST(what_is_dropped_has_no_event_while_another_has_it_too)
{
	int poll_fd = epoll_create1(EPOLL_CLOEXEC), pair[2], other;
	struct hold *h = hold_new(poll_fd);
	struct held_request out;
	struct epoll_event ev;

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	other = dup(pair[1]);
	hold_rest(h, pair[1], (struct fcgi_rest){ FCGI_DRAIN, STR_NONE });
	ck_assert_int_eq(hold_count(h), 1);
	shutdown(pair[0], SHUT_WR);
	ck_assert_int_eq(epoll_wait(poll_fd, &ev, 1, 0), 1);
	ck_assert(!hold_event(h, NULL, &ev, &out));
	ck_assert_int_eq(hold_count(h), 0);
	close(pair[0]);
	ck_assert_int_eq(epoll_wait(poll_fd, &ev, 1, 0), 0);
	close(other);
	hold_free(&h);
	close(poll_fd);
}
END_TEST

UNIT("web/worker/hold", what_is_dropped_has_no_event_while_another_has_it_too)
