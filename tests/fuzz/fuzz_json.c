/* fuzz-sources: src/base/arena.c src/base/memory.c src/base/buf.c src/base/clock.c src/base/clock_text.c */
/* fuzz-sources: src/base/encoding.c src/base/log.c src/base/str.c */
/*
 * fuzz-sources: src/base/json/json.c src/base/json/json_parse.c
 * src/base/json/json_print.c
 */
/* fuzz-libs: libcjson libsodium */
#include "base/json/json.h"
#include "base/limits.h"
#include "tests/fuzz/fuzz.h"

/*
 * What is taken can be printed, is taken again, and prints the same: one
 * text has one meaning (rows HB7, HB8).
 */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct arena *a = fuzz_arena();
	cJSON *v, *again;
	const char *why;
	struct str text, second;

	if (json_parse(a, fuzz_str(a, data, n), LIMIT_JSON_DEPTH, &v,
	    &why) != E_OK) {
		FUZZ_HOLDS(v == NULL && why != NULL);
		return 0;
	}
	text = json_print(a, v);
	FUZZ_HOLDS(text.p && str_utf8(text, NULL) && !str_has_nul(text));
	FUZZ_HOLDS(json_parse(a, text, LIMIT_JSON_DEPTH, &again, &why) ==
	    E_OK);
	second = json_print(a, again);
	FUZZ_HOLDS(str_eq(text, second));
	return 0;
}
