#ifndef TESTS_UNIT_HTTP_TRANSPORT_FCGI_CLIENT_H
#define TESTS_UNIT_HTTP_TRANSPORT_FCGI_CLIENT_H

#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/str.h"

/* FastCGI records as a web server, or somebody worse, would write them. */
enum { BEGIN = 1, ABORT, END, PARAMS, IN, OUT, ERR, DATA, GET_VALUES };

struct wire {
	char p[1 << 18];
	size_t n;
};

static void
wire_raw(struct wire *w, const void *p, size_t n)
{
	memcpy(w->p + w->n, p, n);
	w->n += n;
}

static void
wire_record(struct wire *w, int type, struct str content)
{
	unsigned char h[8] = { 1, (unsigned char)type, 0, 1,
		(unsigned char)(content.n >> 8), (unsigned char)content.n };

	wire_raw(w, h, 8);
	wire_raw(w, content.p ? content.p : "", content.n);
}

static void __attribute__((unused))
wire_begin(struct wire *w, int role, int flags)
{
	char body[8] = { 0, (char)role, (char)flags };

	w->n = 0;
	wire_record(w, BEGIN, (struct str){ body, 8 });
}

/* "NAME=VALUE" pairs, NULL at the end, as one PARAMS record and its end. */
static void __attribute__((unused))
wire_params(struct wire *w, const char *const *pairs)
{
	static struct wire content;

	content.n = 0;
	for (; *pairs; pairs++) {
		size_t name = strcspn(*pairs, "="), value =
		    strlen(*pairs + name + 1);
		unsigned char l[5] = { (unsigned char)name,
			(unsigned char)(0x80 | (value >> 24)),
			(unsigned char)(value >> 16),
			(unsigned char)(value >> 8), (unsigned char)value };

		wire_raw(&content, l, 5);
		wire_raw(&content, *pairs, name);
		wire_raw(&content, *pairs + name + 1, value);
	}
	wire_record(w, PARAMS, (struct str){ content.p, content.n });
	wire_record(w, PARAMS, STR(""));
}

/* A whole request. */
static void __attribute__((unused))
wire_request(struct wire *w, int flags, const char *const *pairs,
    struct str body)
{
	wire_begin(w, 1, flags);
	wire_params(w, pairs);
	if (body.n)
		wire_record(w, IN, body);
	wire_record(w, IN, STR(""));
}

static void __attribute__((unused))
wire_send(int fd, const char *p, size_t n)
{
	while (n) {
		ssize_t k = send(fd, p, n, MSG_NOSIGNAL);

		if (k <= 0)
			return;
		p += k;
		n -= (size_t)k;
	}
}

/*
 * Read until END_REQUEST or the connection's end; standard output goes to out
 * (room for it all), NUL behind. *ended: END_REQUEST was seen.
 */
static size_t __attribute__((unused))
wire_answer(int fd, char *out, bool *ended)
{
	unsigned char h[8], rest[256];
	size_t n = 0;

	*ended = false;
	while (recv(fd, h, 8, MSG_WAITALL) == 8) {
		size_t size = (size_t)h[4] << 8 | h[5];

		if (size && recv(fd, out + n, size, MSG_WAITALL) !=
		    (ssize_t)size)
			break;
		if (h[6])
			(void)!recv(fd, rest, h[6], MSG_WAITALL);
		if (h[1] == OUT)
			n += size;
		if (h[1] == END) {
			*ended = true;
			break;
		}
	}
	out[n] = '\0';
	return n;
}

/* Has the other side closed, within ten seconds? */
static bool __attribute__((unused))
wire_closed(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char c;

	return poll(&p, 1, 10000) == 1 && recv(fd, &c, 1, 0) <= 0;
}

#endif
