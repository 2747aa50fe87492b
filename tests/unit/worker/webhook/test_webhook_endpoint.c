#include "tests/unit/unit.h"

#include "base/clock.h"
#include "worker/webhook/webhook_delivery.h"
#include "worker/webhook/webhook_endpoint.h"

#define SLOTS 512

static struct webhook_endpoints set;
static int64_t at; /* µs */

static void
fresh(void)
{
	memset(&set, 0, sizeof(set));
	set.slots = SLOTS;
}

static struct webhook_endpoint *
numbered(int n)
{
	struct uuid id = { { 0 } };

	id.b[14] = (uint8_t)n;
	id.b[15] = (uint8_t)(n >> 8);
	return webhook_endpoint_get(&set, id, n);
}

/* As many as may begin. */
static int
begin_all(struct webhook_endpoint *e)
{
	int n = 0;

	for (; webhook_endpoint_may(&set, e); n++)
		webhook_endpoint_begin(&set, e, at);
	return n;
}

static void
end_all(struct webhook_endpoint *e, bool fine, int64_t took)
{
	while (e->busy)
		webhook_endpoint_end(&set, e, fine, took);
}

static void
warm(struct webhook_endpoint *e)
{
	for (int i = 0; i < 20; i++) {
		begin_all(e);
		end_all(e, true, 5 * CLOCK_MS);
	}
}

/* row WH10 */
START_TEST(a_prompt_endpoint_gets_ever_more_and_a_failing_one_one_at_a_time)
{
	struct webhook_endpoint *e;

	fresh();
	e = numbered(1);
	ck_assert_int_eq(begin_all(e), 1);
	end_all(e, true, 5 * CLOCK_MS);
	ck_assert_int_eq(begin_all(e), 2);
	end_all(e, true, 5 * CLOCK_MS);
	ck_assert_int_eq(begin_all(e), 4);
	end_all(e, true, 5 * CLOCK_MS);
	warm(e);
	ck_assert_int_ge(begin_all(e), 90);
	webhook_endpoint_end(&set, e, false, 5 * CLOCK_MS);
	ck_assert_int_eq(begin_all(e), 0);
	end_all(e, false, 5 * CLOCK_MS);
	ck_assert_int_eq(begin_all(e), 1);
	end_all(e, true, 5 * CLOCK_MS);
	ck_assert_int_eq(begin_all(e), 2);
	end_all(e, true, 10 * CLOCK_SECOND);
	ck_assert_int_eq(begin_all(e), 1);
	end_all(e, true, 5 * CLOCK_MS);
	ck_assert_int_eq(set.busy, 0);
	ck_assert_int_eq(set.slow, 0);
	ck_assert_int_eq(set.extra, 0);
}
END_TEST

/* row WH10 */
START_TEST(what_hangs_leaves_room_for_what_is_prompt)
{
	struct webhook_endpoint *good, *was_good;

	fresh();
	good = numbered(1000);
	was_good = numbered(1001);
	warm(good);
	warm(was_good);
	ck_assert_int_ge(begin_all(was_good), 90);
	for (int i = 0; i < 900; i++)
		begin_all(numbered(i));
	ck_assert_int_ge(begin_all(good), 4);
	/* They all fail and are tried again: no more than their share. */
	for (int i = 0; i < 900; i++)
		end_all(numbered(i), false, 20 * CLOCK_SECOND);
	for (int i = 0; i < 900; i++)
		begin_all(numbered(i));
	ck_assert_int_le(set.slow, SLOTS / 4);
	end_all(good, true, 5 * CLOCK_MS);
	ck_assert_int_ge(begin_all(good), 4);
}
END_TEST

/* row WH10: a hundred that hang, and one that nobody knows either */
START_TEST(what_is_new_and_hangs_leaves_room_for_what_is_new)
{
	int busy;

	fresh();
	for (int i = 0; i < 100; i++)
		ck_assert_int_eq(begin_all(numbered(i)), 1);
	ck_assert_int_eq(begin_all(numbered(100)), 1);
	at += 2 * CLOCK_SECOND;
	webhook_endpoint_watch(&set, at);
	ck_assert_int_eq(set.fresh, 0);
	ck_assert_int_eq(set.slow, 101);
	for (int i = 101; i < 200; i++)
		ck_assert_int_eq(begin_all(numbered(i)), 1);
	ck_assert_int_eq(begin_all(numbered(200)), 1);
	/* A prompt answer is believed even late in the second. */
	webhook_endpoint_end(&set, numbered(150), true, 900 * CLOCK_MS);
	ck_assert_int_eq(begin_all(numbered(150)), 2);
	/* However many: half of all slots at most, and the line holds. */
	for (int i = 201; i < 900; i++) {
		at += 50 * CLOCK_MS;
		webhook_endpoint_watch(&set, at);
		begin_all(numbered(i));
	}
	ck_assert_int_le(set.slow + set.fresh, SLOTS / 2);
	busy = set.busy;
	ck_assert_int_ge(busy, SLOTS / 2);
	for (int i = 0; i < 900; i++)
		end_all(numbered(i), i % 2, 20 * CLOCK_SECOND);
	ck_assert_int_eq(set.busy + set.slow + set.fresh + set.extra, 0);
	ck_assert_ptr_null(set.new);
}
END_TEST

/* row RE3: the lease covers what is claimed ahead */
START_TEST(what_is_claimed_ahead_is_sent_within_the_lease)
{
	static const int64_t paces[] = { CLOCK_MS, 50 * CLOCK_MS,
		300 * CLOCK_MS, CLOCK_SECOND, 3 * CLOCK_SECOND,
		20 * CLOCK_SECOND };

	for (size_t i = 0; i < sizeof(paces) / sizeof(paces[0]); i++) {
		struct webhook_endpoint *e;
		int64_t room;

		fresh();
		e = numbered(7);
		for (int round = 0; round < 30; round++) {
			begin_all(e);
			end_all(e, true, paces[i]);
		}
		room = webhook_endpoint_room(e);
		ck_assert_int_ge(room, e->window);
		ck_assert_int_le(room, WEBHOOK_ENDPOINT_AHEAD);
		ck_assert_int_le(room * paces[i] / e->window,
		    WEBHOOK_LEASE / 2);
	}
}
END_TEST

START_TEST(the_one_idle_for_longest_is_forgotten)
{
	struct webhook_endpoint *kept;

	fresh();
	kept = numbered(0);
	webhook_endpoint_begin(&set, kept, at);
	for (int i = 1; i < 3 * WEBHOOK_ENDPOINTS; i++)
		ck_assert(numbered(i) != kept);
	ck_assert_ptr_eq(numbered(0), kept);
	ck_assert_int_eq(kept->busy, 1);
}
END_TEST

UNIT("worker/webhook/webhook_endpoint",
    a_prompt_endpoint_gets_ever_more_and_a_failing_one_one_at_a_time,
    what_hangs_leaves_room_for_what_is_prompt,
    what_is_new_and_hangs_leaves_room_for_what_is_new,
    what_is_claimed_ahead_is_sent_within_the_lease,
    the_one_idle_for_longest_is_forgotten)
