/* fuzz-sources: src/base/arena.c src/base/memory.c src/base/str.c src/base/log.c src/base/pid.c */
/* fuzz-sources: src/base/clock.c src/http/transport/fcgi_input.c */
/* fuzz-sources: src/http/transport/fcgi_record.c */
/* fuzz-libs: libsodium */
#include "base/limits.h"
#include "http/transport/fcgi_input.h"
#include "tests/fuzz/fuzz.h"

#define EVENTS 4096

/* What was told, in the order of telling, and how much came with it. */
struct told {
	unsigned char event[EVENTS];
	size_t sum[EVENTS];
	size_t n;
};

static size_t
sum_of(const char *p, size_t n)
{
	size_t sum = n;

	for (size_t i = 0; i < n; i++)
		sum = sum * 31 + (unsigned char)p[i];
	return sum;
}

static void
note(struct told *t, enum fcgi_event e, struct fcgi_input *in)
{
	size_t sum = 0;

	if (e == FCGI_REPLY) {
		FUZZ_HOLDS(in->nreply >= FCGI_HEADER &&
		    in->nreply <= sizeof(in->reply));
		sum = sum_of((char *)in->reply, in->nreply);
	}
	if (e == FCGI_REQUEST) {
		FUZZ_HOLDS(in->state == FCGI_BUSY && in->n > in->params);
		FUZZ_HOLDS(in->n <= in->room && in->params <=
		    LIMIT_PARAM_BYTES + 8 * LIMIT_PARAMS);
		FUZZ_HOLDS(fcgi_input_body(in).n <= LIMIT_BODY_JSON + 1);
		sum = sum_of(in->p, in->params) +
		    sum_of(fcgi_input_body(in).p, fcgi_input_body(in).n);
	}
	if (t->n < EVENTS) {
		t->event[t->n] = (unsigned char)e;
		t->sum[t->n++] = sum;
	}
}

/*
 * All bytes in pieces; how says what the program does with a request: it
 * answers at once, later, or tires of waiting.
 */
static void
run(struct told *t, struct str all, size_t piece, unsigned how)
{
	struct fcgi_input in = { 0 };
	enum fcgi_event e = FCGI_MORE;

	while (all.n && e != FCGI_BROKEN) {
		struct str bytes = str_slice(all, 0, piece);

		all = str_slice(all, bytes.n, all.n);
		do {
			e = fcgi_input_take(&in, &bytes);
			if (e != FCGI_MORE)
				note(t, e, &in);
			if (e == FCGI_ABORT ||
			    (e == FCGI_REQUEST && how == 0))
				fcgi_input_done(&in);
			if (how == 1 && in.state == FCGI_BODY)
				fcgi_input_enough(&in);
		} while (e != FCGI_MORE && e != FCGI_BROKEN);
		FUZZ_HOLDS(e == FCGI_BROKEN || bytes.n == 0);
	}
	fcgi_input_done(&in);
}

/*
 * Bytes that come in pieces say what they say at once. The first byte is the
 * size of a piece, the second what is done with requests.
 */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static struct told once, steps;
	struct fcgi_scan whole = { 0 }, parts = { 0 };
	struct arena *a = fuzz_arena();
	struct str all;
	size_t piece;

	if (n < 2)
		return 0;
	piece = (size_t)data[0] + 1;
	all = fuzz_str(a, data + 2, n - 2);
	once.n = steps.n = 0;
	run(&once, all, all.n ? all.n : 1, data[1] % 3);
	run(&steps, all, piece, data[1] % 3);
	if (data[1] % 3 != 1) {
		FUZZ_HOLDS(once.n == steps.n);
		FUZZ_HOLDS(memcmp(once.event, steps.event, once.n) == 0);
		FUZZ_HOLDS(memcmp(once.sum, steps.sum,
		    once.n * sizeof(*once.sum)) == 0);
	}
	fcgi_record_scan(&whole, all);
	for (size_t at = 0; at < all.n; at += piece)
		fcgi_record_scan(&parts, str_slice(all, at, at + piece));
	FUZZ_HOLDS(whole.ended == parts.ended && whole.left == parts.left &&
	    whole.nhead == parts.nhead);
	return 0;
}
