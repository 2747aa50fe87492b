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
/* fuzz-sources: src/http/query.c src/http/spelling.c src/http/multipart.c */
/* fuzz-libs: libcjson libsodium libidn2 */
/* fuzz-links: -lunistring */
#include <time.h>

#include "base/limits.h"
#include "http/cookie.h"
#include "http/multipart.h"
#include "http/request_make.h"
#include "http/schema.h"
#include "tests/fuzz/fuzz.h"

/*
 * Whatever a request brings is judged in time linear in its size. The bound is
 * some hundred times what the sanitizers need, and far below what anything
 * quadratic takes at 4 KB.
 */
#define BASE_NS 20000000
#define BYTE_NS 40000

static const struct field rows[] = {
	{ .name = "identifier", .aliases = "email_or_username email username",
	    .type = FIELD_LOGIN, .required = true },
	{ .name = "password", .type = FIELD_PASSWORD, .required = true },
	{ .name = "code", .aliases = "token otp backup_code",
	    .type = FIELD_CODE },
	{ .name = "refresh_token", .type = FIELD_TOKEN },
	{ .name = "codes", .type = FIELD_CODES },
	{ .name = "events", .aliases = "a b", .type = FIELD_TEXTS },
	{ .name = "remember_device", .type = FIELD_BOOL },
	{ .name = "name", .aliases = "full_name", .type = FIELD_CLEARED },
	{ 0 }
};

static int64_t
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void
judge_json(struct arena *a, struct str body)
{
	static const struct param json[] = {
		{ { "CONTENT_TYPE", 12 }, { "application/json", 16 } } };
	struct request r = { .arena = a, .id = STR("x"), .params = json,
		.nparams = 1, .body = body };
	struct response re = { .message = "" };
	const struct value *in;
	const char *why;

	if (request_read_json(&r, &why) == E_OK &&
	    schema_check(rows, &r, &re, &in) != E_OK)
		response_error(&re, E_VALIDATION, NULL);
	response_render(&re, &r);
}

static void
judge_head(struct arena *a, struct str text)
{
	struct param head[] = { { STR("REQUEST_METHOD"), STR("POST") },
		{ STR("REQUEST_URI"), text }, { STR("HTTP_COOKIE"), text },
		{ STR("REMOTE_ADDR"), STR("10.0.0.1") },
		{ STR("HTTP_X_FORWARDED_FOR"), text },
		{ STR("HTTP_USER_AGENT"), text } };
	struct request r = { .arena = a, .params = head,
		.nparams = sizeof(head) / sizeof(*head) };

	(void)request_make(&r, "/base", "10.0.0.0/8");
	(void)request_cookie(&r, "session");
}

static void
judge_parts(struct arena *a, struct str text)
{
	struct part parts[MULTIPART_PARTS];
	struct str type;
	size_t n;

	if (str_split(&text, '\n', &type) && text.p)
		(void)multipart_parse(a, type, text, parts, &n);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct arena *a = fuzz_arena();
	struct str text = fuzz_str(a, data, n);
	int64_t began = now();

	json_use(a);
	judge_json(a, text);
	judge_head(a, text);
	judge_parts(a, text);
	FUZZ_HOLDS(now() - began < BASE_NS + BYTE_NS * (int64_t)n);
	return 0;
}
