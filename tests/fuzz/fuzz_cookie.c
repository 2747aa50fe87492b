/* fuzz-sources: src/base/str.c src/base/arena.c src/base/memory.c src/base/log.c src/base/pid.c */
/* fuzz-sources: src/base/clock.c src/http/cookie.c */
/* fuzz-libs: libsodium */
#include "http/cookie.h"
#include "tests/fuzz/fuzz.h"

/* The value lies within the header. The first line is the name. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct arena *a = fuzz_arena();
	struct str rest = fuzz_str(a, data, n), name, value = STR_NONE;
	size_t count = 0;

	if (!str_split(&rest, '\n', &name) || rest.p == NULL)
		return 0;
	cookie_find(rest, name, &count, &value);
	FUZZ_HOLDS((count == 0) == (value.p == NULL));
	if (count)
		FUZZ_HOLDS(value.p >= rest.p &&
		    value.p + value.n <= rest.p + rest.n &&
		    str_find(value, ';') == value.n &&
		    str_find(value, ',') == value.n);
	return 0;
}
