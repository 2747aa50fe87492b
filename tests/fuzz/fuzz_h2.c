/* fuzz-sources: src/base/str.c src/base/arena.c src/base/memory.c src/base/log.c src/base/pid.c */
/* fuzz-sources: src/base/clock.c src/grpc/h2/h2_session.c src/grpc/h2/h2_stream.c */
/* fuzz-sources: src/grpc/h2/h2_bytes.c src/grpc/h2/h2_flood.c */
/* fuzz-libs: libsodium libnghttp2 */
#include "base/limits.h"
#include "grpc/h2/h2_session.h"
#include "tests/fuzz/fuzz.h"

static void
open_stream(void *obj, struct h2_stream *st)
{
	(void)obj;
	st->streaming = st->nheaders % 2;
	st->until = 1;
}

static void
serve_stream(void *obj, struct h2_stream *st, struct str client)
{
	(void)obj;
	(void)client;
	h2_stream_send(st, STR("answer"));
	if (st->streaming && !st->ended) {
		h2_bytes_drop(&st->in, st->in.n);
		return;
	}
	h2_stream_trailer(st, STR("grpc-status"), STR("0"));
	h2_stream_finish(st);
}

static void
late_stream(void *obj, struct h2_stream *st)
{
	(void)obj;
	h2_stream_trailer(st, STR("grpc-status"), STR("4"));
	h2_stream_finish(st);
}

/* What a peer sends behind its first words, in pieces; the bounds hold. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const struct h2_server server = { NULL, open_stream,
		serve_stream, late_stream };
	struct arena *a = fuzz_arena();
	struct str rest = fuzz_str(a, data, n);
	struct h2_session *s = h2_session_new(&server);
	bool good = h2_session_feed(s,
	    STR("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0"));

	while (good && rest.n) {
		size_t some = rest.n > 64 ? 64 : rest.n;

		good = h2_session_feed(s, str_slice(rest, 0, some));
		rest = str_slice(rest, some, rest.n);
		FUZZ_HOLDS(h2_session_streams(s) <= 2 * LIMIT_GRPC_STREAMS);
		if (some % 2 == 0)
			(void)h2_session_serve(s, STR_NONE);
		while (h2_session_output(s).n)
			;
	}
	h2_session_tick(s, 2);
	h2_session_free(s);
	return 0;
}
