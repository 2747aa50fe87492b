#include "http/transport_cgi.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "base/log.h"

#define STALL_MS 5000

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
	return got;
}

static void
cgi_write(void *io, struct str bytes)
{
	(void)io;
	while (bytes.n) {
		ssize_t n = write(STDOUT_FILENO, bytes.p, bytes.n);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return; /* the web server has gone */
		bytes = str_slice(bytes, (size_t)n, bytes.n);
	}
}

static const struct transport cgi_transport = { cgi_read, cgi_write };

void
transport_cgi_serve(struct arena *arena, char *const *env,
    transport_handler *handler, void *obj)
{
	struct exchange x = { .arena = arena, .transport = &cgi_transport };

	transport_params(&x, env);
	handler(obj, &x);
	if (!x.answered) {
		log_error("request without an answer");
		transport_answer(&x, 500, NULL, 0, STR(""));
	}
}
