/* fuzz-sources: src/base/arena.c src/base/memory.c src/base/buf.c src/base/clock.c src/base/clock_text.c */
/* fuzz-sources: src/base/encoding.c src/base/log.c src/base/pid.c src/base/str.c */
/*
 * fuzz-sources: src/base/json/json.c src/base/json/json_parse.c
 * src/base/json/json_print.c
 */
/* fuzz-libs: libcjson libsodium */
#include "base/json/json.h"
#include "base/limits.h"
#include "tests/fuzz/fuzz.h"

/* The tree that cJSON makes itself of a text. */
static cJSON *
of_cjson(struct arena *a, struct str text)
{
	struct arena *before = json_use(a);
	cJSON *v = cJSON_ParseWithLength(text.p, text.n);

	json_use(before);
	return v;
}

/*
 * What is taken means to cJSON what it means to us, can be printed, is taken
 * again, and prints the same: one text has one meaning (rows HB7, HB8).
 */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct arena *a = fuzz_arena();
	cJSON *v, *again;
	const char *why;
	struct str given = fuzz_str(a, data, n), text, second;

	if (json_parse(a, given, LIMIT_JSON_DEPTH, &v, &why) != E_OK) {
		FUZZ_HOLDS(v == NULL && why != NULL);
		return 0;
	}
	FUZZ_HOLDS(cJSON_Compare(v, of_cjson(a, given), true));
	text = json_print(a, v);
	FUZZ_HOLDS(text.p && str_utf8(text, NULL) && !str_has_nul(text));
	FUZZ_HOLDS(json_parse(a, text, LIMIT_JSON_DEPTH, &again, &why) ==
	    E_OK);
	second = json_print(a, again);
	FUZZ_HOLDS(str_eq(text, second));
	return 0;
}
