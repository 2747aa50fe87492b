#include "worker/mail/mime.h"

#include <time.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/email.h"
#include "base/encoding.h"

#define MESSAGE_MAX (2u << 20)
#define HEADER_VALUE_MAX 400 /* bytes; a subject that is longer is no subject */
#define LINE_SOFT 76	     /* RFC 5322 2.1.1 wants 78 and less */
#define LINE_HARD 998	     /* RFC 5322 2.1.1 */
#define WORD_BYTES 39	     /* 64 as an encoded word: with "Subject: " <= 76 */

static bool
is_header_control(char c)
{
	return (unsigned char)c < 0x20 || c == 0x7f;
}

/* Can s stand in a header? Line ends above all cannot. */
static bool
header_ok(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (is_header_control(s.p[i]))
			return false;
	return s.n <= HEADER_VALUE_MAX && str_utf8(s, NULL);
}

/* Bytes of the longest run of whole code points of s within max. */
static size_t
whole_points(struct str s, size_t max)
{
	size_t n = s.n < max ? s.n : max;

	while (n < s.n && n > 0 && ((unsigned char)s.p[n] & 0xc0) == 0x80)
		n--;
	return n ? n : s.n;
}

/* RFC 2047: encoded words, one a line. */
static void
put_encoded(struct buf *b, struct str s)
{
	bool first = true;

	while (s.n) {
		size_t n = whole_points(s, WORD_BYTES);

		if (!first)
			buf_add(b, STR("\r\n "));
		first = false;
		buf_add(b, STR("=?UTF-8?B?"));
		buf_add(b, b64_encode(b->arena, str_slice(s, 0, n)));
		buf_add(b, STR("?="));
		s = str_slice(s, n, s.n);
	}
}

/* Words of ASCII; a line breaks before the one that would be too much. */
static void
put_folded(struct buf *b, struct str s, size_t used)
{
	struct str word;
	bool first = true;

	while (str_split(&s, ' ', &word)) {
		if (!first && word.n && used + 1 + word.n > LINE_SOFT) {
			buf_add(b, STR("\r\n"));
			used = 0;
		}
		if (!first) {
			buf_byte(b, ' ');
			used++;
		}
		buf_add(b, word);
		used += word.n;
		first = false;
	}
}

/* Would a reader take plain s for encoded words? */
static bool
looks_encoded(struct str s)
{
	return s.n && memmem(s.p, s.n, "=?", 2) != NULL;
}

static void
put_header(struct buf *b, const char *name, struct str value)
{
	buf_fmt(b, "%s: ", name);
	if (str_is_ascii(value) && !looks_encoded(value))
		put_folded(b, value, strlen(name) + 2);
	else
		put_encoded(b, value);
	buf_add(b, STR("\r\n"));
}

struct str
mime_header(struct arena *a, const char *name, struct str value)
{
	struct buf b = buf_new(a, MESSAGE_MAX);

	put_header(&b, name, value);
	return buf_str(&b);
}

/* A name and an address (RFC 5322 3.4), the address on its own line if long. */
static void
put_mailbox(struct buf *b, const char *header, struct str name,
    struct str address)
{
	buf_fmt(b, "%s: ", header);
	if (name.n && str_is_ascii(name) && !looks_encoded(name)) {
		buf_byte(b, '"');
		for (size_t i = 0; i < name.n; i++) {
			if (name.p[i] == '"' || name.p[i] == '\\')
				buf_byte(b, '\\');
			buf_byte(b, name.p[i]);
		}
		buf_byte(b, '"');
	} else if (name.n) {
		put_encoded(b, name);
	}
	if (name.n == 0)
		buf_add(b, address);
	else if (!str_is_ascii(name) || name.n + address.n > LINE_SOFT - 12)
		buf_fmt(b, "\r\n <%.*s>", STR_FMT(address));
	else
		buf_fmt(b, " <%.*s>", STR_FMT(address));
	buf_add(b, STR("\r\n"));
}

static void
put_date(struct buf *b, int64_t wall_us)
{
	time_t seconds = (time_t)(wall_us / CLOCK_SECOND);
	char text[64];
	struct tm tm;

	/* The program never calls setlocale: names are those of RFC 5322. */
	gmtime_r(&seconds, &tm);
	strftime(text, sizeof(text), "%a, %d %b %Y %H:%M:%S +0000", &tm);
	buf_fmt(b, "Date: %s\r\n", text);
}

/* s with every kind of line end as CRLF, and one at the end. */
static struct str
with_crlf(struct arena *a, struct str s)
{
	struct buf b = buf_new(a, MESSAGE_MAX);
	size_t from = 0;

	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] != '\r' && s.p[i] != '\n')
			continue;
		buf_add(&b, str_slice(s, from, i));
		from = i + 1;
		if (s.p[i] == '\n' || from == s.n || s.p[from] != '\n')
			buf_add(&b, STR("\r\n"));
	}
	buf_add(&b, str_slice(s, from, s.n));
	if (!str_ends(buf_str(&b), STR("\r\n")))
		buf_add(&b, STR("\r\n"));
	return buf_str(&b);
}

/* May lines of s go as they are (RFC 2045 2.7)? */
static bool
is_7bit(struct str s)
{
	struct str line;

	if (!str_is_ascii(s))
		return false;
	while (str_split(&s, '\n', &line)) {
		if (line.n > LINE_HARD)
			return false;
		for (size_t i = 0; i < line.n; i++)
			if (is_header_control(line.p[i]) && line.p[i] != '\t' &&
			    line.p[i] != '\r')
				return false;
	}
	return true;
}

/* One line as quoted-printable (RFC 2045 6.7), without its end. */
static void
put_quoted_line(struct buf *b, struct str line)
{
	size_t used = 0;

	for (size_t i = 0; i < line.n; i++) {
		unsigned char c = (unsigned char)line.p[i];
		bool last = i + 1 == line.n;
		bool plain = (c > 0x20 && c < 0x7f && c != '=') ||
		    ((c == ' ' || c == '\t') && !last);
		size_t size = plain ? 1 : 3;

		if (used + size > LINE_SOFT - 1) {
			buf_add(b, STR("=\r\n"));
			used = 0;
		}
		if (plain)
			buf_byte(b, (char)c);
		else
			buf_fmt(b, "=%02X", c);
		used += size;
	}
}

static void
put_quoted(struct buf *b, struct str s)
{
	while (s.n) {
		size_t end = str_find(s, '\n');

		/* with_crlf made every line end CRLF. */
		put_quoted_line(b, str_slice(s, 0, end - 1));
		buf_add(b, STR("\r\n"));
		s = str_slice(s, end + 1, s.n);
	}
}

/* Content-Type, transfer encoding, empty line, body. */
static void
put_part(struct buf *b, const char *type, struct str body)
{
	struct str lines = with_crlf(b->arena, body);
	bool plain = is_7bit(lines);

	buf_fmt(b, "Content-Type: %s; charset=utf-8\r\n"
	    "Content-Transfer-Encoding: %s\r\n\r\n", type,
	    plain ? "7bit" : "quoted-printable");
	if (plain)
		buf_add(b, lines);
	else
		put_quoted(b, lines);
}

static void
put_parts(struct buf *b, const struct mime_mail *m)
{
	if (m->html.p == NULL) {
		put_part(b, "text/plain", m->text);
		return;
	}
	/* "=_" occurs in no quoted-printable text, the id in no other. */
	buf_fmt(b, "Content-Type: multipart/alternative;\r\n"
	    " boundary=\"=_%.*s\"\r\n\r\n--=_%.*s\r\n",
	    STR_FMT(m->id), STR_FMT(m->id));
	put_part(b, "text/plain", m->text);
	buf_fmt(b, "\r\n--=_%.*s\r\n", STR_FMT(m->id));
	put_part(b, "text/html", m->html);
	buf_fmt(b, "\r\n--=_%.*s--\r\n", STR_FMT(m->id));
}

static const char *
mail_refusal(const struct mime_mail *m)
{
	if (!email_ok(m->from))
		return "the sender address is not valid";
	if (!email_ok(m->to))
		return "the recipient address is not valid";
	if (m->subject.n == 0 || !header_ok(m->subject))
		return "the subject is not a line of text";
	if (!header_ok(m->from_name))
		return "the sender name is not a line of text";
	if (m->id.n == 0 || m->id.n > 60 || m->host.n == 0 ||
	    !header_ok(m->id) || !header_ok(m->host))
		return "the message id is not valid";
	if (!str_utf8(m->text, NULL) || !str_utf8(m->html, NULL) ||
	    str_has_nul(m->text) || str_has_nul(m->html))
		return "a body is not UTF-8 text";
	return NULL;
}

bool
mime_build(struct arena *a, const struct mime_mail *m, struct str *out,
    const char **why)
{
	struct buf b = buf_new(a, MESSAGE_MAX);

	*why = mail_refusal(m);
	if (*why)
		return false;
	put_date(&b, m->date);
	put_mailbox(&b, "From", m->from_name, m->from);
	put_mailbox(&b, "To", STR_NONE, m->to);
	put_header(&b, "Subject", m->subject);
	buf_fmt(&b, "Message-ID: <%.*s@%.*s>\r\n"
	    "MIME-Version: 1.0\r\n"
	    "Auto-Submitted: auto-generated\r\n"
	    "X-Auto-Response-Suppress: All\r\n",
	    STR_FMT(m->id), STR_FMT(m->host));
	put_parts(&b, m);
	*out = buf_str(&b);
	*why = b.full ? "the message is too long" : NULL;
	return !b.full;
}
