/* fuzz-sources: src/base/arena.c src/base/memory.c src/base/buf.c src/base/clock.c */
/* fuzz-sources: src/base/encoding.c src/base/log.c src/base/pid.c src/base/str.c */
/* fuzz-sources: src/http/query.c */
/* fuzz-libs: libsodium */
#include "base/buf.h"
#include "base/encoding.h"
#include "base/limits.h"
#include "http/query.h"
#include "tests/fuzz/fuzz.h"

/* What is taken has each name once and survives being encoded (row HB7). */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct arena *a = fuzz_arena();
	const struct param *pairs, *again;
	size_t count, second;
	struct buf b = buf_new(a, LIMIT_QUERY * 8);

	if (query_parse(a, fuzz_str(a, data, n), &pairs, &count) != E_OK)
		return 0;
	FUZZ_HOLDS(count <= LIMIT_QUERY_PAIRS);
	for (size_t i = 0; i < count; i++) {
		for (size_t k = 0; k < i; k++)
			FUZZ_HOLDS(!str_eq(pairs[i].name, pairs[k].name));
		FUZZ_HOLDS(str_utf8(pairs[i].value, NULL));
		buf_add(&b, percent_encode(a, pairs[i].name));
		buf_byte(&b, '=');
		buf_add(&b, percent_encode(a, pairs[i].value));
		buf_byte(&b, '&');
	}
	if (b.n > LIMIT_QUERY)
		return 0;
	FUZZ_HOLDS(query_parse(a, buf_str(&b), &again, &second) == E_OK);
	FUZZ_HOLDS(count == second);
	for (size_t i = 0; i < count; i++)
		FUZZ_HOLDS(str_eq(pairs[i].name, again[i].name) &&
		    str_eq(pairs[i].value, again[i].value));
	return 0;
}
