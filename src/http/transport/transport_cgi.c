#include "http/transport/transport_cgi.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/limits.h"

#define STALL_MS 5000

/* What came over standard input, of the one request of the process. */
static size_t taken;
static bool ended;

static long
cgi_read(void *io, char *p, size_t n)
{
	struct pollfd in = { .fd = STDIN_FILENO, .events = POLLIN };
	ssize_t got;
	int ready;

	(void)io;
	do {
		ready = poll(&in, 1, STALL_MS);
		if (ready == 0) {
			errno = EAGAIN;
			return -1;
		}
		got = read(STDIN_FILENO, p, n);
	} while (got < 0 && errno == EINTR);
	taken += got > 0 ? (size_t)got : 0;
	ended |= got <= 0;
	return got;
}

static bool lost; /* the web server has gone, or the answer is not whole */

static void
cgi_write(void *io, struct str bytes)
{
	(void)io;
	while (bytes.n && !lost) {
		ssize_t n = write(STDOUT_FILENO, bytes.p, bytes.n);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			lost = true;
			return;
		}
		bytes = str_slice(bytes, (size_t)n, bytes.n);
	}
}

static bool
cgi_gone(void *io)
{
	(void)io;
	return lost;
}

/* A web server tells a program that failed from one that ended, if it can. */
static void
cgi_give_up(void *io)
{
	(void)io;
	_exit(70); /* EX_SOFTWARE */
}

static const struct transport cgi_transport = { cgi_read, cgi_write,
	cgi_gone, cgi_give_up };

/*
 * A body that nobody wanted, read up to its length or the bound: a web server
 * that cannot write it all may throw the answer away. Without a length it is
 * read on where it was read at all: there need be no end to find.
 */
static void
drain(const struct exchange *x)
{
	static char rest[32 << 10];
	long long most = taken ? LIMIT_DRAIN : 0;

	str_to_int(transport_param(x, STR("CONTENT_LENGTH")), 0, LIMIT_DRAIN,
	    &most);
	while (!ended && taken < (size_t)most)
		cgi_read(NULL, rest, sizeof(rest));
}

void
transport_cgi_serve(struct arena *arena, char *const *env,
    transport_handler *handler, void *obj)
{
	struct exchange x = { .arena = arena, .transport = &cgi_transport };

	transport_params(&x, env);
	transport_serve(&x, true, handler, obj);
	drain(&x);
}
