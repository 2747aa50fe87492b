/* A connection's bounds, by bytes as a hostile peer sends them (row GR3). */
#include "base/clock.h"
#include "base/limits.h"
#include "grpc/h2/h2_flood.h"
#include "grpc/h2/h2_session.h"
#include "tests/unit/unit.h"

#define PREFACE "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
#define SETTINGS "\0\0\0\4\0\0\0\0\0"
#define PING "\0\0\10\6\0\0\0\0\0" "12345678"
/* :method POST, :scheme http, :path /, :authority a */
#define BLOCK "\203\206\204\1\1" "a"

static int opened, served, ended_late;

static void
open_stream(void *obj, struct h2_stream *st)
{
	(void)obj;
	opened++;
	st->until = 1000;
}

static void
serve_stream(void *obj, struct h2_stream *st, struct str client)
{
	(void)obj;
	(void)client;
	served++;
	h2_stream_send(st, STR("answer"));
	h2_stream_trailer(st, STR("grpc-status"), STR("0"));
	h2_stream_finish(st);
}

static void
late_stream(void *obj, struct h2_stream *st)
{
	(void)obj;
	ended_late++;
	h2_stream_trailer(st, STR("grpc-status"), STR("4"));
	h2_stream_finish(st);
}

static const struct h2_server server = { NULL, open_stream, serve_stream,
	late_stream };

static struct h2_session *
met(void)
{
	struct h2_session *s = h2_session_new(&server);

	ck_assert(!h2_session_met(s));
	ck_assert(h2_session_feed(s, STR(PREFACE SETTINGS)));
	ck_assert(h2_session_met(s));
	return s;
}

static size_t
drained(struct h2_session *s)
{
	size_t n = 0, some;

	while ((some = h2_session_output(s).n) > 0)
		n += some;
	return n;
}

static bool
feed_headers(struct h2_session *s, unsigned id, bool end)
{
	char f[] = "\0\0\6\1\4\0\0\0\0" BLOCK;

	f[4] = end ? 5 : 4;
	f[7] = (char)(id >> 8);
	f[8] = (char)id;
	return h2_session_feed(s, (struct str){ f, sizeof(f) - 1 });
}

static bool
feed_reset(struct h2_session *s, unsigned id)
{
	char f[] = "\0\0\4\3\0\0\0\0\0\0\0\0\10";

	f[7] = (char)(id >> 8);
	f[8] = (char)id;
	return h2_session_feed(s, (struct str){ f, sizeof(f) - 1 });
}

START_TEST(a_call_is_served_once_and_its_stream_ends)
{
	struct h2_session *s = met();

	ck_assert(feed_headers(s, 1, true));
	ck_assert_int_eq(opened, 1);
	ck_assert(h2_session_ready(s));
	ck_assert(h2_session_serve(s, STR_NONE));
	ck_assert(!h2_session_serve(s, STR_NONE));
	ck_assert_uint_gt(drained(s), 0);
	ck_assert_uint_eq(h2_session_streams(s), 0);
	ck_assert_int_eq(served, 1);
	h2_session_free(s);
}
END_TEST

START_TEST(what_is_no_http2_is_refused)
{
	struct h2_session *s = h2_session_new(&server);

	ck_assert(!h2_session_feed(s, STR("GET / HTTP/1.1\r\n\r\n")));
	h2_session_free(s);
}
END_TEST

/* CVE-2023-44487: opened and reset, over and over; none is served. */
START_TEST(a_reset_flood_ends_the_connection)
{
	struct h2_session *s = met();
	unsigned id = 1;

	while (id < 2001 && feed_headers(s, id, true) && feed_reset(s, id))
		id += 2;
	ck_assert(h2_session_flooded(s));
	ck_assert_uint_lt(id, 2 * H2_FLOOD_ROOM / H2_FLOOD_RESET + 10);
	ck_assert_int_eq(served, 0);
	ck_assert_uint_le(h2_session_streams(s), 1);
	h2_session_free(s);
}
END_TEST

START_TEST(floods_of_ping_and_settings_end_it)
{
	static const struct str frames[] = { { PING, sizeof(PING) - 1 },
		{ SETTINGS, sizeof(SETTINGS) - 1 } };

	for (int i = 0; i < 2; i++) {
		struct h2_session *s = met();
		int n = 0;

		while (n < 5000 && h2_session_feed(s, frames[i])) {
			drained(s);
			n++;
		}
		ck_assert(h2_session_flooded(s));
		ck_assert_int_le(n, H2_FLOOD_ROOM + 100);
		h2_session_free(s);
	}
}
END_TEST

/* One that is not answered because its peer does not read. */
START_TEST(acknowledgements_do_not_pile_up)
{
	struct h2_session *s = met();
	int n = 0;

	while (n < 5000 && h2_session_feed(s, STR(PING)))
		n++;
	ck_assert_int_lt(n, 1000);
	h2_session_free(s);
}
END_TEST

START_TEST(an_endless_block_of_headers_ends_it)
{
	struct h2_session *s = met();
	int n = 0;

	ck_assert(h2_session_feed(s, STR("\0\0\6\1\0\0\0\0\1" BLOCK)));
	while (n < 5000 &&
	    h2_session_feed(s, STR("\0\0\0\11\0\0\0\0\1")) &&
	    !h2_session_over(s)) {
		drained(s);
		n++;
	}
	ck_assert_int_lt(n, 2000);
	ck_assert_int_eq(served, 0);
	h2_session_free(s);
}
END_TEST

/* It would hold the connection for ever: no deadline is known yet. */
START_TEST(headers_that_stay_half_end_it)
{
	static const struct str halves[] = {
		{ "\0\0\6\1\0\0\0\0\1" BLOCK, 9 + sizeof(BLOCK) - 1 },
		{ "\0\0\6\1\4\0\0\0\1\203", 10 },
	};

	for (int i = 0; i < 2; i++) {
		struct h2_session *s = met();

		ck_assert(h2_session_feed(s, halves[i]));
		h2_session_tick(s, clock_mono());
		drained(s);
		ck_assert(!h2_session_over(s));
		h2_session_tick(s, clock_mono() + 6 * CLOCK_SECOND);
		ck_assert_uint_gt(drained(s), 0);
		ck_assert(h2_session_over(s));
		ck_assert_int_eq(opened + served + ended_late, 0);
		h2_session_free(s);
	}
}
END_TEST

START_TEST(streams_at_once_are_bounded)
{
	struct h2_session *s = met();

	drained(s);
	ck_assert(h2_session_feed(s, STR("\0\0\0\4\1\0\0\0\0"))); /* ack */
	for (unsigned id = 1; id < 401; id += 2)
		ck_assert(feed_headers(s, id, false));
	ck_assert_uint_eq(h2_session_streams(s), LIMIT_GRPC_STREAMS);
	h2_session_free(s);
}
END_TEST

START_TEST(a_body_past_the_bound_is_not_kept)
{
	struct h2_session *s = met();
	static char data[9 + 16384] = "\0\100\0\0\0\0\0\0\1";
	int n = 0;

	ck_assert(feed_headers(s, 1, false));
	while (n < 5 && h2_session_feed(s,
	    (struct str){ data, sizeof(data) }))
		n++;
	drained(s);
	/* The window said no, or the stream is to be refused. */
	ck_assert(n < 5 || h2_session_ready(s) ||
	    h2_session_streams(s) == 0);
	h2_session_free(s);
}
END_TEST

START_TEST(a_call_that_does_not_come_is_ended_at_its_deadline)
{
	struct h2_session *s = met();

	ck_assert(feed_headers(s, 1, false));
	h2_session_tick(s, 999);
	ck_assert_int_eq(ended_late, 0);
	h2_session_tick(s, 1001);
	ck_assert_int_eq(ended_late, 1);
	drained(s);
	ck_assert_uint_eq(h2_session_streams(s), 0);
	h2_session_free(s);
}
END_TEST

START_TEST(after_leaving_what_came_is_served)
{
	struct h2_session *s = met();

	ck_assert(feed_headers(s, 1, true));
	h2_session_leave(s, false);
	drained(s);
	ck_assert(feed_headers(s, 3, true));
	h2_session_leave(s, true);
	ck_assert(h2_session_serve(s, STR_NONE));
	ck_assert(h2_session_serve(s, STR_NONE));
	ck_assert(!h2_session_over(s));
	drained(s);
	ck_assert_int_eq(served, 2);
	ck_assert(h2_session_over(s));
	h2_session_free(s);
}
END_TEST

START_TEST(calls_and_time_earn_what_a_flood_spends)
{
	struct h2_flood f = h2_flood_new(0);

	ck_assert(h2_flood_pay(&f, H2_FLOOD_ROOM, 0));
	ck_assert(!h2_flood_pay(&f, 1, 0));
	h2_flood_earn(&f);
	ck_assert(h2_flood_pay(&f, 9, 0));
	ck_assert(!h2_flood_pay(&f, 1, 0));
	ck_assert(h2_flood_pay(&f, 40, 1000000));
}
END_TEST

START_TEST(metadata_past_the_bound_is_not_kept)
{
	struct h2_stream st = { 0 };
	char value[1000];

	memset(value, 'v', sizeof(value));
	for (int i = 0; i < 20; i++)
		h2_stream_take_header(&st, STR("name"),
		    (struct str){ value, sizeof(value) });
	ck_assert(st.headers_large);
	ck_assert_uint_lt(st.head.n, LIMIT_GRPC_METADATA);
	h2_bytes_free(&st.head);
}
END_TEST

UNIT("grpc/h2/session", a_call_is_served_once_and_its_stream_ends,
    what_is_no_http2_is_refused, a_reset_flood_ends_the_connection,
    floods_of_ping_and_settings_end_it, acknowledgements_do_not_pile_up,
    an_endless_block_of_headers_ends_it, headers_that_stay_half_end_it,
    streams_at_once_are_bounded,
    a_body_past_the_bound_is_not_kept,
    a_call_that_does_not_come_is_ended_at_its_deadline,
    after_leaving_what_came_is_served,
    calls_and_time_earn_what_a_flood_spends,
    metadata_past_the_bound_is_not_kept)
