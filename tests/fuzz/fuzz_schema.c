/* fuzz-sources: src/base/arena.c src/base/memory.c src/base/buf.c src/base/clock.c src/base/clock_text.c */
/* fuzz-sources: src/base/encoding.c src/base/log.c src/base/pid.c src/base/str.c */
/*
 * fuzz-sources: src/base/json/json.c src/base/json/json_parse.c
 * src/base/json/json_print.c
 */
/* fuzz-sources: src/base/err.c src/http/dialect.c src/base/email.c */
/* fuzz-sources: src/http/field.c src/http/field_number.c src/http/schema.c */
/* fuzz-sources: src/base/net.c src/base/unicode.c src/http/response.c src/http/request.c */
/* fuzz-sources: src/http/request_make.c src/http/client.c src/http/cookie.c src/http/path.c */
/* fuzz-sources: src/http/query.c src/http/spelling.c */
/* fuzz-libs: libcjson libsodium libidn2 */
/* fuzz-links: -lunistring */
#include "base/email.h"
#include "base/limits.h"
#include "http/field.h"
#include "http/schema.h"
#include "tests/fuzz/fuzz.h"

static const struct field rows[] = {
	{ .name = "a", .aliases = "a_text", .type = FIELD_TEXT, .max = 9 },
	{ .name = "b", .type = FIELD_NAME },
	{ .name = "c", .aliases = "e_mail", .type = FIELD_EMAIL },
	{ .name = "d", .type = FIELD_USERNAME },
	{ .name = "e", .type = FIELD_PASSWORD },
	{ .name = "f", .type = FIELD_DIGITS, .min = 6, .max = 6 },
	{ .name = "g", .type = FIELD_CODE },
	{ .name = "h", .type = FIELD_TOKEN },
	{ .name = "i", .type = FIELD_URL },
	{ .name = "j", .type = FIELD_UUID },
	{ .name = "k", .type = FIELD_INT, .min = 1, .max = 9 },
	{ .name = "l", .type = FIELD_BOOL },
	{ .name = "m", .type = FIELD_TIME },
	{ .name = "n", .type = FIELD_DURATION },
	{ .name = "o", .type = FIELD_CHOICE, .choices = "x y" },
	{ .name = "p", .type = FIELD_TEXTS },
	{ .name = "q", .type = FIELD_CODES },
	{ .name = "r", .aliases = "r_name", .type = FIELD_CLEARED },
	{ .name = "s", .aliases = "e mail", .type = FIELD_LOGIN },
	{ 0 }
};

/* Handlers see values of their type or none; both answers can be printed. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct arena *a = fuzz_arena();
	struct request r = { .arena = a, .id = STR("x"),
		.dialect = n % 2 ? DIALECT_API : DIALECT_V1 };
	struct response re = { .message = "" };
	const struct value *in;
	struct str text;
	cJSON *v;
	enum err e;

	json_use(a);
	if (json_parse(a, fuzz_str(a, data, n), LIMIT_JSON_DEPTH, &v,
	    NULL) != E_OK)
		return 0;
	r.json = v;
	e = schema_check(rows, &r, &re, &in);
	FUZZ_HOLDS((e == E_OK) == (re.errors == NULL));
	if (e == E_OK) {
		FUZZ_HOLDS(!in[2].given || email_is_public(in[2].text));
		FUZZ_HOLDS(!in[5].given || in[5].text.n == 6);
		FUZZ_HOLDS(!in[10].given || (in[10].number >= 1 &&
		    in[10].number <= 9));
		FUZZ_HOLDS(!in[9].given || in[9].text.n == 36);
		re.data = v;
	} else {
		response_error(&re, e, NULL);
	}
	text = response_render(&re, &r);
	FUZZ_HOLDS(str_utf8(text, NULL) && str_starts(text, STR("{")) &&
	    str_ends(text, STR("}")));
	return 0;
}
