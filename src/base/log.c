#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/pid.h"

#define LINE_MAX_BYTES 4000 /* below PIPE_BUF: one write is one line */
#define VALUE_MAX_BYTES 600

static struct {
	const char *program;
	int fd;
	enum log_level level;
	char request[72];
	size_t request_len;
} sink = { "postern", STDERR_FILENO, LOG_INFO_, "", 0 };

static const char *const level_names[] = { "debug", "info", "warn", "error" };

bool
log_open(const char *program, const char *file, enum log_level level)
{
	int fd;

	sink.program = program;
	sink.level = level;
	if (file == NULL || file[0] == '\0')
		return true;
	fd = open(file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
	if (fd < 0)
		return false;
	if (sink.fd > STDERR_FILENO)
		close(sink.fd);
	sink.fd = fd;
	return true;
}

int
log_fd(void)
{
	return sink.fd;
}

bool
log_level_parse(struct str s, enum log_level *out)
{
	for (int i = LOG_DEBUG_; i <= LOG_ERROR_; i++)
		if (str_eq(s, str_of(level_names[i]))) {
			*out = (enum log_level)i;
			return true;
		}
	return false;
}

bool
log_wants(enum log_level level)
{
	return level >= sink.level;
}

void
log_request(struct str id)
{
	sink.request_len = id.n < sizeof(sink.request) ? id.n : 0;
	if (sink.request_len)
		memcpy(sink.request, id.p, sink.request_len);
}

/* Static: on the stack it would be cleared for every line. */
static struct line {
	char p[LINE_MAX_BYTES + 8];
	size_t n;
} line;

static void
put_bytes(struct line *l, const char *p, size_t n)
{
	if (n > LINE_MAX_BYTES - l->n)
		n = LINE_MAX_BYTES - l->n;
	memcpy(l->p + l->n, p, n);
	l->n += n;
}

#define PUT(line, literal) put_bytes((line), "" literal, sizeof(literal) - 1)

static void
put_c(struct line *l, const char *c)
{
	put_bytes(l, c, strlen(c));
}

static void
put_escaped(struct line *l, struct str s)
{
	static const char hex[] = "0123456789abcdef";
	bool utf8 = str_utf8(s, NULL);

	for (size_t i = 0; i < s.n && i < VALUE_MAX_BYTES; i++) {
		unsigned char c = (unsigned char)s.p[i];
		char esc[6] = { '\\', 'u', '0', '0', hex[c >> 4],
			hex[c & 15] };

		if (c == '"' || c == '\\') {
			esc[1] = (char)c;
			put_bytes(l, esc, 2);
		} else if (c < 0x20 || c == 0x7f || (c >= 0x80 && !utf8)) {
			put_bytes(l, esc, 6);
		} else {
			put_bytes(l, s.p + i, 1);
		}
	}
}

/* A JSON string; what is not plain ASCII or UTF-8 becomes an escape. */
static void
put_json(struct line *l, struct str s)
{
	bool plain = s.n <= VALUE_MAX_BYTES && str_print_plain(s);

	PUT(l, "\"");
	if (plain && s.n)
		put_bytes(l, s.p, s.n);
	else
		put_escaped(l, s);
	PUT(l, "\"");
}

static void
put_time(struct line *l)
{
	char room[CLOCK_TEXT_ROOM];
	struct str text = clock_text(room, clock_wall(), 6);

	put_bytes(l, text.p, text.n);
}

static void
put_int(struct line *l, int64_t n)
{
	char room[STR_INT_ROOM];
	struct str text = str_int(room, n);

	put_bytes(l, text.p, text.n);
}

static void
put_field(struct line *l, const struct log_field *f)
{
	PUT(l, ",\"");
	put_c(l, f->key);
	PUT(l, "\":");
	if (f->kind == LOG_TEXT) {
		put_json(l, f->text);
		return;
	}
	put_int(l, f->number);
}

/* A full or broken sink must not stop the service (row LO7). */
static void
send_line(int fd, const struct line *l)
{
	if (write(fd, l->p, l->n) < 0 && errno == EINTR)
		(void)!write(fd, l->p, l->n);
}

/* Who says it, and how loud: the same in all lines of a process. */
struct origin {
	const char *program;
	pid_t pid;
	size_t n;
	char text[96];
};

static void
put_origin(struct line *l, enum log_level level)
{
	static struct origin kept[LOG_ERROR_ + 1];
	struct origin *k = &kept[level];
	size_t from = l->n;

	if (k->n && k->pid == pid_self() && k->program == sink.program) {
		put_bytes(l, k->text, k->n);
		return;
	}
	PUT(l, "\",\"level\":\"");
	put_c(l, level_names[level]);
	PUT(l, "\",\"program\":\"");
	put_c(l, sink.program);
	PUT(l, "\",\"pid\":");
	put_int(l, pid_self());
	k->n = l->n - from <= sizeof(k->text) ? l->n - from : 0;
	memcpy(k->text, l->p + from, k->n);
	k->pid = pid_self();
	k->program = sink.program;
}

static void
compose(struct line *l, enum log_level level, const char *msg,
    const struct log_field *fields)
{
	l->n = 0;
	PUT(l, "{\"ts\":\"");
	put_time(l);
	put_origin(l, level);
	if (sink.request_len) {
		PUT(l, ",\"request_id\":");
		put_json(l, (struct str){ sink.request, sink.request_len });
	}
	PUT(l, ",\"msg\":");
	put_json(l, str_of(msg));
	for (; fields && fields->kind != LOG_END; fields++)
		if (l->n < LINE_MAX_BYTES - VALUE_MAX_BYTES)
			put_field(l, fields);
	memcpy(l->p + l->n, "}\n", 2);
	l->n += 2;
}

void
log_write(enum log_level level, const char *msg,
    const struct log_field *fields)
{
	if (level < sink.level)
		return;
	compose(&line, level, msg, fields);
	send_line(sink.fd, &line);
}

void
log_write_loud(const char *msg, const struct log_field *fields)
{
	log_write(LOG_ERROR_, msg, fields);
	if (sink.fd == STDERR_FILENO)
		return;
	compose(&line, LOG_ERROR_, msg, fields);
	send_line(STDERR_FILENO, &line);
}
