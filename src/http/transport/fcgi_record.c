#include "http/transport/fcgi_record.h"

static unsigned
byte_at(const void *p, size_t i)
{
	return ((const unsigned char *)p)[i];
}

struct fcgi_record
fcgi_record_read(const void *p)
{
	return (struct fcgi_record){
		.version = byte_at(p, 0),
		.type = byte_at(p, 1),
		.id = byte_at(p, 2) << 8 | byte_at(p, 3),
		.length = byte_at(p, 4) << 8 | byte_at(p, 5),
		.padding = byte_at(p, 6),
	};
}

void
fcgi_record_write(void *p, unsigned type, unsigned id, size_t length)
{
	const unsigned char head[FCGI_HEADER] = { 1, (unsigned char)type,
		(unsigned char)(id >> 8), (unsigned char)id,
		(unsigned char)(length >> 8), (unsigned char)length };

	memcpy(p, head, sizeof(head));
}

void
fcgi_record_end(void *p, unsigned id, enum fcgi_end how)
{
	const unsigned char content[8] = { [4] = (unsigned char)how };

	fcgi_record_write(p, RECORD_END, id, sizeof(content));
	memcpy((char *)p + FCGI_HEADER, content, sizeof(content));
}

/* A length of one or four bytes; *at moves behind it. */
static bool
read_length(struct str s, size_t *at, size_t *length)
{
	if (*at >= s.n)
		return false;
	*length = byte_at(s.p, *at);
	if (*length < 0x80) {
		*at += 1;
		return true;
	}
	if (s.n - *at < 4)
		return false;
	*length = (*length & 0x7f) << 24 | byte_at(s.p, *at + 1) << 16 |
	    byte_at(s.p, *at + 2) << 8 | byte_at(s.p, *at + 3);
	*at += 4;
	return true;
}

bool
fcgi_record_pair(struct str s, size_t *at, struct str *name,
    struct str *value)
{
	size_t i = *at, n, v;

	if (!read_length(s, &i, &n) || !read_length(s, &i, &v) ||
	    n > s.n - i || v > s.n - i - n)
		return false;
	*name = (struct str){ s.p + i, n };
	*value = (struct str){ s.p + i + n, v };
	*at = i + n + v;
	return true;
}

static size_t
least(size_t a, size_t b)
{
	return a < b ? a : b;
}

void
fcgi_record_scan(struct fcgi_scan *s, struct str bytes)
{
	struct fcgi_record r;
	bool whole;
	size_t n;

	while (bytes.n) {
		if (s->nhead < FCGI_HEADER) {
			n = least(FCGI_HEADER - s->nhead, bytes.n);
			memcpy(s->head + s->nhead, bytes.p, n);
			s->nhead += n;
			r = fcgi_record_read(s->head);
			s->left = r.length + r.padding;
		} else {
			n = least(s->left, bytes.n);
			s->left -= n;
		}
		bytes = (struct str){ bytes.p + n, bytes.n - n };
		whole = s->nhead == FCGI_HEADER && s->left == 0;
		s->ended = whole && s->head[1] == RECORD_END;
		if (whole)
			s->nhead = 0;
	}
}
