/* fuzz-sources: src/base/arena.c src/base/memory.c src/base/buf.c src/base/clock.c */
/* fuzz-sources: src/base/encoding.c src/base/log.c src/base/pid.c src/base/str.c */
/* fuzz-sources: src/http/multipart.c */
/* fuzz-libs: libsodium */
#include "http/multipart.h"
#include "tests/fuzz/fuzz.h"

/*
 * Parts lie within the body, in order, under names of their own. The first
 * line is the Content-Type.
 */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct arena *a = fuzz_arena();
	struct str body = fuzz_str(a, data, n), type;
	struct part parts[MULTIPART_PARTS];
	const char *at;
	size_t count;

	if (!str_split(&body, '\n', &type) || body.p == NULL)
		return 0;
	if (multipart_parse(a, type, body, parts, &count) != E_OK)
		return 0;
	FUZZ_HOLDS(count >= 1 && count <= MULTIPART_PARTS);
	at = body.p;
	for (size_t i = 0; i < count; i++) {
		struct str d = parts[i].data;

		FUZZ_HOLDS(parts[i].name.n && str_utf8(parts[i].name, NULL));
		FUZZ_HOLDS(multipart_find(parts, count,
		    arena_cstr(a, parts[i].name)) == &parts[i]);
		if (d.n == 0)
			continue;
		FUZZ_HOLDS(d.p >= at && d.p + d.n <= body.p + body.n);
		at = d.p + d.n;
	}
	return 0;
}
