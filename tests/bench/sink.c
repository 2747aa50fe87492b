/*
 * A webhook receiver that costs little: takes POSTs on kept connections of
 * 127.0.0.1 and answers 200, for the bench.
 *
 * usage: sink PORT [MS]
 *
 * With MS it answers a POST so many milliseconds after it came, as one does that
 * has work of its own to do with it, on a machine of its own.
 * GET is answered with one line of JSON: how many POSTs came, how many bytes
 * the last one had, and the µs from the first to the last. DELETE begins anew.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CONNECTIONS 4096 /* by descriptor */
#define REQUEST 32768
#define LATER 65536 /* answers that are not due yet */

struct conn {
	size_t got;
	char text[REQUEST + 1];
};

static struct conn *conns[CONNECTIONS];
static struct {
	long posts;
	size_t bytes;
	int64_t first, last;
} seen;

/* In the order of their coming, which is that of their being due. */
static struct {
	int64_t delay; /* µs */
	unsigned first, end;
	struct {
		int fd; /* -1: it has left */
		int64_t due;
	} list[LATER];
} later;

static void __attribute__((noreturn))
fail(const char *what)
{
	fprintf(stderr, "sink: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int64_t
now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void
say(int fd, const char *body)
{
	char out[512];
	int n = snprintf(out, sizeof(out), "HTTP/1.1 200 OK\r\n"
	    "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
	    strlen(body), body);

	if (write(fd, out, (size_t)n) != n)
		shutdown(fd, SHUT_RDWR);
}

static void
tell(int fd)
{
	char body[256];

	snprintf(body, sizeof(body), "{\"posts\":%ld,\"bytes\":%zu,"
	    "\"us\":%lld}\n", seen.posts, seen.bytes,
	    (long long)(seen.last - seen.first));
	say(fd, body);
}

static void
say_later(int fd, int64_t due)
{
	if (later.end - later.first == LATER)
		fail("too many at once");
	later.list[later.end % LATER].fd = fd;
	later.list[later.end++ % LATER].due = due;
}

/* Say what is due; ms until the next, -1: there is none. */
static int
say_due(void)
{
	int64_t now = later.first == later.end ? 0 : now_us();

	for (; later.first != later.end; later.first++) {
		int64_t left = later.list[later.first % LATER].due - now;

		if (left > 0)
			return (int)((left + 999) / 1000);
		if (later.list[later.first % LATER].fd >= 0)
			say(later.list[later.first % LATER].fd, "{}");
	}
	return -1;
}

static void
answer(int fd, const char *request, size_t body)
{
	if (strncmp(request, "POST ", 5) == 0) {
		seen.last = now_us();
		if (seen.posts++ == 0)
			seen.first = seen.last;
		seen.bytes = body;
		if (later.delay)
			say_later(fd, seen.last + later.delay);
		else
			say(fd, "{}");
	} else if (strncmp(request, "GET ", 4) == 0) {
		tell(fd);
	} else {
		memset(&seen, 0, sizeof(seen));
		say(fd, "{}");
	}
}

/* Bytes of the whole request at the head of what came, 0: not yet all. */
static size_t
length_of(const char *text, size_t got, size_t *body)
{
	const char *end = strstr(text, "\r\n\r\n"), *line = text;
	size_t length;

	*body = 0;
	if (end == NULL)
		return 0;
	while ((line = strstr(line, "\r\n")) != NULL && line < end) {
		line += 2;
		if (strncasecmp(line, "content-length:", 15) == 0)
			*body = strtoul(line + 15, NULL, 10);
	}
	if (*body > REQUEST)
		fail("a request that is too large");
	length = *body + (size_t)(end + 4 - text);
	return length <= got ? length : 0;
}

static void
leave(int fd)
{
	for (unsigned i = later.first; i != later.end; i++)
		if (later.list[i % LATER].fd == fd)
			later.list[i % LATER].fd = -1;
	close(fd);
	free(conns[fd]);
	conns[fd] = NULL;
}

static void
serve(int fd)
{
	struct conn *c = conns[fd];
	ssize_t n = read(fd, c->text + c->got, REQUEST - c->got);
	size_t length, body;

	if (n <= 0) {
		leave(fd);
		return;
	}
	c->got += (size_t)n;
	c->text[c->got] = '\0';
	while ((length = length_of(c->text, c->got, &body)) != 0) {
		answer(fd, c->text, body);
		c->got -= length;
		memmove(c->text, c->text + length, c->got + 1);
	}
}

static void
welcome(int epoll, int listener)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	struct epoll_event ev = { .events = EPOLLIN, .data.fd = fd };

	if (fd < 0)
		return;
	if (fd >= CONNECTIONS || (conns[fd] = calloc(1, sizeof(**conns))) ==
	    NULL || epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &ev) < 0)
		fail("accept");
}

static int
listen_on(int port)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0 ||
	    listen(fd, 1024) < 0)
		fail("listen");
	return fd;
}

int
main(int argc, char **argv)
{
	int port = argc == 2 || argc == 3 ? (int)strtol(argv[1], NULL, 10) : 0;
	int epoll = epoll_create1(EPOLL_CLOEXEC), listener;
	struct epoll_event ev = { .events = EPOLLIN }, got[64];

	if (port < 1 || port > 65535 || epoll < 0)
		return 64;
	later.delay = argc == 3 ? strtol(argv[2], NULL, 10) * 1000 : 0;
	signal(SIGPIPE, SIG_IGN);
	ev.data.fd = listener = listen_on(port);
	if (epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &ev) < 0)
		fail("epoll");
	for (;;) {
		int n = epoll_wait(epoll, got, 64, say_due());

		for (int i = 0; i < n; i++)
			if (got[i].data.fd == listener)
				welcome(epoll, listener);
			else
				serve(got[i].data.fd);
	}
}
