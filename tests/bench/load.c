/*
 * HTTP/1.1 load over kept connections to 127.0.0.1, for the bench.
 *
 * usage: load [-c CONNECTIONS] [-r RATE] [-s SECONDS] [-H 'Name: value']...
 *             [-b FILE] PORT PATH
 *
 * Without -r every connection asks again as soon as it is answered. With -r
 * requests are due at even times whatever the answers do, and a latency
 * counts from when the request was due: a stall shows in all it delays.
 * -b: POST, connection i sends line i of FILE as JSON. Prints one JSON line.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define CONNECTIONS 256
#define REQUEST 8192
#define ANSWER 65536
#define SECOND 1000000000LL

struct conn {
	int fd;
	bool busy;
	int64_t due;
	char request[REQUEST];
	size_t length;
	char answer[ANSWER];
	size_t got;
};

static struct {
	struct conn conn[CONNECTIONS];
	int n;
	int epoll, timer;
	int port;
	const char *path;
	char headers[REQUEST / 2];
	int64_t begin, end;
	int64_t interval; /* between requests in ns, 0: as fast as it goes */
	int64_t issued;
	uint32_t *us; /* latencies */
	size_t answers, room;
	long status[6]; /* by first digit; [0]: connection lost */
} load;

static void __attribute__((noreturn, format(printf, 1, 2)))
fail(const char *fmt, ...)
{
	va_list ap;

	fputs("load: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(1);
}

static int64_t
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * SECOND + t.tv_nsec;
}

static void
join(struct conn *c)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)load.port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct epoll_event ev = { .events = EPOLLIN, .data.ptr = c };

	c->fd = socket(AF_INET, SOCK_STREAM, 0);
	if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&to, sizeof(to)) ||
	    epoll_ctl(load.epoll, EPOLL_CTL_ADD, c->fd, &ev))
		fail("connect: %s", strerror(errno));
	c->busy = false;
}

static void
ask(struct conn *c, int64_t due)
{
	c->due = due;
	c->busy = true;
	c->got = 0;
	load.issued++;
	/* Small, on a connection with nothing under way: never blocks. */
	if (send(c->fd, c->request, c->length, MSG_NOSIGNAL) !=
	    (ssize_t)c->length) {
		load.status[0]++;
		close(c->fd);
		join(c);
	}
}

/* All that is due, on the connections that are free. */
static void
ask_due(int64_t t)
{
	for (int i = 0; i < load.n && t < load.end; i++) {
		struct conn *c = &load.conn[i];
		int64_t due = load.interval == 0 ? t :
		    load.begin + load.issued * load.interval;

		if (c->busy)
			continue;
		if (due > t)
			return;
		ask(c, due);
	}
}

/* The size of the whole answer, 0 while that is not known. */
static size_t
answer_size(struct conn *c)
{
	char *end, *length;

	c->answer[c->got] = '\0';
	end = strstr(c->answer, "\r\n\r\n");
	if (end == NULL)
		return 0;
	length = strcasestr(c->answer, "\r\nContent-Length:");
	if (length == NULL || length > end)
		fail("an answer without Content-Length:\n%s", c->answer);
	return (size_t)(end + 4 - c->answer) +
	    strtoul(length + 17, NULL, 10);
}

static void
answered(struct conn *c, int64_t t)
{
	int digit = c->answer[9] - '0';

	if (load.answers == load.room) {
		load.room = load.room ? load.room * 2 : 1 << 16;
		load.us = realloc(load.us, load.room * sizeof(*load.us));
		if (load.us == NULL)
			fail("no memory");
	}
	load.us[load.answers++] = (uint32_t)((t - c->due) / 1000);
	load.status[digit >= 1 && digit <= 5 ? digit : 0]++;
	c->busy = false;
	if (strcasestr(c->answer, "\r\nConnection: close")) {
		close(c->fd);
		join(c);
	}
}

static void
hear(struct conn *c)
{
	ssize_t n = recv(c->fd, c->answer + c->got, ANSWER - 1 - c->got, 0);
	size_t whole;

	if (n <= 0) {
		load.status[0] += c->busy;
		close(c->fd);
		join(c);
		return;
	}
	c->got += (size_t)n;
	whole = answer_size(c);
	if (whole > ANSWER - 1)
		fail("an answer of %zu bytes", whole);
	if (whole && c->got >= whole)
		answered(c, now());
}

static void
run(void)
{
	struct itimerspec wake = { 0 };
	struct epoll_event ev[64];
	uint64_t ticks;

	while (now() < load.end) {
		int64_t next = load.begin + load.issued * load.interval;
		int n;

		if (load.interval == 0 || next > load.end)
			next = load.end;
		wake.it_value = (struct timespec){ next / SECOND,
			next % SECOND };
		timerfd_settime(load.timer, TFD_TIMER_ABSTIME, &wake, NULL);
		n = epoll_wait(load.epoll, ev, 64, -1);
		for (int i = 0; i < n; i++)
			if (ev[i].data.ptr)
				hear(ev[i].data.ptr);
			else if (read(load.timer, &ticks, sizeof(ticks)) < 0)
				fail("timer: %s", strerror(errno));
		ask_due(now());
	}
}

static void
make_request(struct conn *c, const char *body)
{
	int n;

	if (body)
		n = snprintf(c->request, REQUEST, "POST %s HTTP/1.1\r\n"
		    "Host: 127.0.0.1\r\n%sContent-Type: application/json\r\n"
		    "Content-Length: %zu\r\n\r\n%s", load.path, load.headers,
		    strlen(body), body);
	else
		n = snprintf(c->request, REQUEST, "GET %s HTTP/1.1\r\n"
		    "Host: 127.0.0.1\r\n%s\r\n", load.path, load.headers);
	if (n < 0 || n >= REQUEST)
		fail("the request is too large");
	c->length = (size_t)n;
}

static void
make_requests(const char *file)
{
	FILE *f = file ? fopen(file, "re") : NULL;
	char *line = NULL;
	size_t room = 0;
	ssize_t n;

	if (file && f == NULL)
		fail("%s: %s", file, strerror(errno));
	for (int i = 0; i < load.n; i++) {
		if (f && (n = getline(&line, &room, f)) > 0)
			line[n - (line[n - 1] == '\n')] = '\0';
		else if (f)
			fail("%s has less than %d lines", file, load.n);
		make_request(&load.conn[i], line);
	}
	free(line);
	if (f)
		fclose(f);
}

static int
by_size(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static unsigned
quantile(double q)
{
	if (load.answers == 0)
		return 0;
	return load.us[(size_t)((double)(load.answers - 1) * q)];
}

static void
report(double seconds)
{
	if (load.us)
		qsort(load.us, load.answers, sizeof(*load.us), by_size);
	printf("{\"requests\":%zu,\"per_second\":%.1f,\"p50_us\":%u,"
	       "\"p90_us\":%u,\"p99_us\":%u,\"max_us\":%u,\"lost\":%ld,"
	       "\"2xx\":%ld,\"4xx\":%ld,\"5xx\":%ld}\n",
	    load.answers, (double)load.answers / seconds, quantile(0.5),
	    quantile(0.9), quantile(0.99), quantile(1.0), load.status[0],
	    load.status[2], load.status[4], load.status[5]);
}

static void
add_header(const char *line)
{
	size_t n = strlen(load.headers);

	if (strlen(line) + 3 > sizeof(load.headers) - n)
		fail("too many headers");
	snprintf(load.headers + n, sizeof(load.headers) - n, "%s\r\n", line);
}

int
main(int argc, char **argv)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.ptr = NULL };
	const char *bodies = NULL;
	double seconds = 3, rate = 0;
	int o;

	load.n = 1;
	while ((o = getopt(argc, argv, "c:r:s:H:b:")) != -1)
		switch (o) {
		case 'c': load.n = (int)strtol(optarg, NULL, 10); break;
		case 'r': rate = strtod(optarg, NULL); break;
		case 's': seconds = strtod(optarg, NULL); break;
		case 'H': add_header(optarg); break;
		case 'b': bodies = optarg; break;
		default: return 64;
		}
	if (argc - optind != 2 || load.n < 1 || load.n > CONNECTIONS)
		fail("usage: load [-c N] [-r RATE] [-s SECONDS] "
		     "[-H HEADER]... [-b FILE] PORT PATH");
	load.port = (int)strtol(argv[optind], NULL, 10);
	load.path = argv[optind + 1];
	load.interval = rate > 0 ? (int64_t)(1e9 / rate) : 0;
	load.epoll = epoll_create1(EPOLL_CLOEXEC);
	load.timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
	if (epoll_ctl(load.epoll, EPOLL_CTL_ADD, load.timer, &ev))
		fail("epoll: %s", strerror(errno));
	make_requests(bodies);
	for (int i = 0; i < load.n; i++)
		join(&load.conn[i]);
	load.begin = now();
	load.end = load.begin + (int64_t)(seconds * 1e9);
	ask_due(load.begin);
	run();
	report(seconds);
	return 0;
}
