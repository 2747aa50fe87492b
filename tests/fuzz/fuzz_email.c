/*
 * fuzz-sources: src/base/email.c src/worker/mail/mime.c
 * src/base/arena.c src/base/memory.c src/base/buf.c src/base/str.c src/base/clock.c
 * src/base/encoding.c src/base/log.c src/base/pid.c
 */
/* fuzz-libs: libsodium */
/*
 * Addresses and whole messages (rows LG6, RE6): what is accepted as an address
 * holds nothing that SMTP or a header could take for more than that, and a
 * message has the headers we gave it and no other, whatever its values are.
 */
#include <stdlib.h>

#include "base/email.h"
#include "worker/mail/mime.h"

static void
check_address(struct str s)
{
	size_t ats = 0;

	for (size_t i = 0; i < s.n; i++) {
		ats += s.p[i] == '@';
		if (s.p[i] <= ' ' || s.p[i] == 0x7f ||
		    strchr("<>()[]\\,;:\"%!", s.p[i]) != NULL)
			abort();
	}
	if (ats != 1 || s.n > 254)
		abort();
}

/* Lines before the empty one: ours, in our number, or folded. */
static void
check_headers(struct str s)
{
	static const char *const known[] = { "Date: ", "From: ", "To: ",
		"Subject: ", "Message-ID: ", "MIME-Version: ",
		"Auto-Submitted: ", "X-Auto-Response-Suppress: ",
		"Content-Type: " };
	size_t next = 0, end;

	while (!str_starts(s, STR("\r\n"))) {
		end = str_find(s, '\n');
		if (end == s.n || end == 0 || s.p[end - 1] != '\r' ||
		    end > 998)
			abort();
		if (s.p[0] != ' ') {
			if (next == 9 || !str_starts(s, str_of(known[next])))
				abort();
			next++;
		}
		s = str_slice(s, end + 1, s.n);
	}
	if (next != 9)
		abort();
}

static void
check_message(struct arena *a, struct str in)
{
	size_t cut = str_find(in, '\n'), third;
	struct str rest = str_slice(in, cut + 1, in.n), out;
	struct mime_mail m = { .id = STR("id"), .host = STR("x.test"),
		.from = STR("a@x.test"), .to = STR("b@x.test") };
	const char *why;

	third = str_find(rest, '\n');
	m.subject = str_slice(in, 0, cut);
	m.from_name = str_slice(rest, 0, third);
	m.text = str_slice(rest, third + 1, rest.n);
	m.html = in;
	if (mime_build(a, &m, &out, &why))
		check_headers(out);
	m.to = in;
	if (mime_build(a, &m, &out, &why))
		check_address(in);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static struct arena *a;
	struct str in = { (const char *)data, n }, name, address;

	if (a == NULL)
		a = arena_new((size_t)64 << 20);
	if (email_ok(in))
		check_address(in);
	if (email_parse(in, &name, &address)) {
		check_address(address);
		if (str_find(name, '\n') < name.n ||
		    str_find(name, '\r') < name.n)
			abort();
	}
	check_message(a, in);
	arena_reset(a);
	return 0;
}
