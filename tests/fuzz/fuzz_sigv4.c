/* fuzz-sources: src/base/arena.c src/base/memory.c src/base/buf.c */
/* fuzz-sources: src/base/clock.c src/base/encoding.c src/base/log.c */
/* fuzz-sources: src/base/pid.c src/base/str.c src/crypto/hmac.c */
/* fuzz-sources: src/crypto/sigv4.c */
/* fuzz-libs: libsodium openssl */
#include "crypto/sigv4.h"
#include "tests/fuzz/fuzz.h"

/*
 * The canonical request has exactly the lines that it should have, whatever is
 * in them: lines of the input are its method, path, query, and headers.
 */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct arena *a = fuzz_arena();
	struct str rest = fuzz_str(a, data, n), text, line;
	struct sigv4_header h[8];
	struct sigv4_request r = { .payload = STR("UNSIGNED-PAYLOAD"), .headers = h };
	const struct sigv4_key k = { STR("id"), STR("secret"), STR("r"),
		STR("s3") };
	size_t lines = 0;

	/* Callers send no line breaks. */
	if (n && memchr(data, '\n', n))
		return 0;
	str_split(&rest, '|', &r.method);
	str_split(&rest, '|', &r.path);
	str_split(&rest, '|', &r.query);
	while (r.nheaders < 8 && str_split(&rest, '|', &line)) {
		size_t at = str_find(line, '=');

		h[r.nheaders].name = str_slice(line, 0, at);
		h[r.nheaders++].value = str_slice(line, at + 1, line.n);
	}
	text = sigv4_canonical(a, &r);
	for (size_t i = 0; i < text.n; i++)
		lines += text.p[i] == '\n';
	FUZZ_HOLDS(lines == 3 + r.nheaders + 2);
	FUZZ_HOLDS(str_ends(text, STR("\nUNSIGNED-PAYLOAD")));
	FUZZ_HOLDS(str_starts(sigv4_authorization(a, &k, &r,
	    STR("20130524T000000Z")), STR("AWS4-HMAC-SHA256 Credential=id/"
	    "20130524/r/s3/aws4_request, SignedHeaders=")));
	return 0;
}
