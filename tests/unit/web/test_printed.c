/* What was printed of an account, found by the proof of its row alone. */
#include "tests/unit/unit.h"

#include "web/printed.h"

static struct session
session_of(uint8_t token, int64_t read)
{
	return (struct session){ .source = { .name = { token, 1 },
		.read = read } };
}

static bool
found(struct session s, enum dialect d, const char *want)
{
	struct str text = printed_find(&s, d);

	return want ? str_eq(text, str_of(want)) : text.p == NULL;
}

static void
begin(void)
{
	struct session s = session_of(7, 100);

	printed_forget();
	printed_keep(&s, DIALECT_V1, STR("one"));
}

/* row SE8: what is not of this very reading is not given */
START_TEST(a_text_is_of_one_token_one_reading_and_one_dialect)
{
	begin();
	ck_assert(found(session_of(7, 100), DIALECT_V1, "one"));
	ck_assert(found(session_of(7, 101), DIALECT_V1, NULL));
	ck_assert(found(session_of(8, 100), DIALECT_V1, NULL));
	ck_assert(found(session_of(7, 100), DIALECT_API, NULL));
	/* the same place, another token */
	ck_assert(found(session_of(7 + PRINTED_PLACES, 100), DIALECT_V1,
	    NULL));
}
END_TEST

START_TEST(the_younger_takes_the_place)
{
	struct session s = session_of(7, 101);

	begin();
	printed_keep(&s, DIALECT_V1, STR("two"));
	ck_assert(found(session_of(7, 101), DIALECT_V1, "two"));
	ck_assert(found(session_of(7, 100), DIALECT_V1, NULL));
}
END_TEST

START_TEST(without_a_proof_nothing_is_kept)
{
	struct session s = session_of(9, 0);

	begin();
	printed_keep(&s, DIALECT_V1, STR("two"));
	ck_assert(found(s, DIALECT_V1, NULL));
}
END_TEST

START_TEST(an_idle_process_holds_none)
{
	begin();
	printed_forget();
	ck_assert(found(session_of(7, 100), DIALECT_V1, NULL));
	ck_assert(found(session_of(0, 0), DIALECT_V1, NULL));
}
END_TEST

UNIT("web/printed", a_text_is_of_one_token_one_reading_and_one_dialect,
    the_younger_takes_the_place, without_a_proof_nothing_is_kept,
    an_idle_process_holds_none)
