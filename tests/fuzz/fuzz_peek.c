/* fuzz-sources: src/base/arena.c src/base/memory.c src/base/str.c src/base/log.c src/base/pid.c */
/* fuzz-sources: src/base/clock.c src/http/transport/fcgi_peek.c src/http/transport/fcgi_record.c */
/* fuzz-libs: libsodium */
#include "http/transport/fcgi_peek.h"
#include "tests/fuzz/fuzz.h"

/*
 * Records that come in pieces say what they say at once, and everything that
 * is found lies within them. The first byte is the size of a piece.
 */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct arena *a = fuzz_arena();
	struct fcgi_peek once = { 0 }, steps = { 0 };
	struct str all;
	size_t piece;

	if (n == 0)
		return 0;
	piece = (size_t)data[0] + 1;
	all = fuzz_str(a, data + 1, n - 1);
	for (size_t at = 0; at < all.n && !steps.ready && !steps.refuse;) {
		at = at + piece < all.n ? at + piece : all.n;
		fcgi_peek_read(&steps, a, str_slice(all, 0, at));
	}
	fcgi_peek_read(&once, a, all);
	FUZZ_HOLDS(once.at <= all.n && once.params <= all.n &&
	    once.body <= all.n);
	FUZZ_HOLDS(!once.ready || (once.head && !once.refuse));
	FUZZ_HOLDS(!once.whole || !once.head || once.ready || once.refuse);
	if (!steps.ready && !steps.refuse) {
		FUZZ_HOLDS(once.at == steps.at && once.head == steps.head &&
		    once.refuse == steps.refuse && !once.ready);
	} else if (steps.ready) {
		FUZZ_HOLDS(once.refuse || (str_eq(once.uri, steps.uri) &&
		    str_eq(once.method, steps.method)));
	}
	return 0;
}
