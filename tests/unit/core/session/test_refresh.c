/* A family of refresh tokens: rows RT1 to RT7. */
#include "tests/unit/core/core.h"

#include "core/session/refresh.h"

/* Row RT1: another generation, the same session. */
START_TEST(a_refresh_moves_the_family_by_one)
{
	struct person p = core_person("ann");
	struct tokens *next, *last;
	struct uuid id;
	uint32_t g;

	x.client = STR("198.51.100.4");
	x.user_agent = STR("moved");
	ck_ok(refresh(&x, p.tokens->refresh, STR_NONE, &next));
	ck_assert(token_open(x.arena, x.keys, TOKEN_REFRESH, next->refresh,
	    &id, &g));
	ck_assert_uint_eq(g, 1);
	ck_assert(str_eq(uuid_text(x.arena, id), p.session->id));
	ck_ok(refresh(&x, next->refresh, STR_NONE, &last));
	ck_sql("2 198.51.100.4", "select generation || ' ' || ip_address "
	    "from sessions");
	ck_ok(core_alive(p.tokens->access));
	ck_ok(core_alive(last->access));
}
END_TEST

/* Row RT6. */
START_TEST(refreshing_moves_the_end_of_idleness_alone)
{
	struct person p = core_person("ann");
	struct tokens *next;

	core_sql("update sessions set expires_at = now() + interval '9 s', "
	    "absolute_expires_at = now() + interval '1 hour'");
	ck_ok(refresh(&x, p.tokens->refresh, STR_NONE, &next));
	ck_sql("t", "select expires_at > now() + interval '1 minute' and "
	    "expires_at <= absolute_expires_at and absolute_expires_at < "
	    "now() + interval '61 minutes' from sessions");
	core_sql("update sessions set absolute_expires_at = now(), "
	    "expires_at = now()");
	ck_err(refresh(&x, next->refresh, STR_NONE, &next),
	    E_REFRESH_INVALID);
	ck_audit("refresh.reuse", 0);
}
END_TEST

/* Row RT4: told to all addresses, and once. */
START_TEST(a_second_use_is_told_and_written_down_once)
{
	struct person p = core_person("ann");
	struct tokens *other = core_login("ann"), *next, *none;

	core_sql("delete from jobs");
	ck_ok(refresh(&x, p.tokens->refresh, STR_NONE, &next));
	for (int i = 0; i < 2; i++)
		ck_err(refresh(&x, p.tokens->refresh, STR_NONE, &none),
		    E_REFRESH_INVALID);
	ck_assert_int_eq(core_mails("refresh-reuse", "ann@example.com"), 1);
	ck_str(core_mail("refresh-reuse", NULL, "all"), "false");
	ck_audit("refresh.reuse", 1);
	ck_err(core_alive(next->access), E_TOKEN_INVALID);
	ck_ok(core_alive(other->access));
}
END_TEST

START_TEST(where_configured_a_second_use_ends_all_and_says_so)
{
	struct person p = core_person("ann");
	struct tokens *other = core_login("ann"), *next;

	config.refresh_reuse = "user";
	ck_ok(refresh(&x, p.tokens->refresh, STR_NONE, &next));
	ck_err(refresh(&x, p.tokens->refresh, STR_NONE, &next),
	    E_REFRESH_INVALID);
	ck_err(core_alive(other->access), E_TOKEN_INVALID);
	ck_str(core_mail("refresh-reuse", NULL, "all"), "true");
}
END_TEST

/* Row RE9: the key of the step before, with another token, is a mistake. */
START_TEST(a_key_with_another_token_is_a_conflict_and_ends_nothing)
{
	struct person p = core_person("ann");
	struct tokens *next, *none;

	ck_ok(refresh(&x, p.tokens->refresh, STR("k"), &next));
	ck_err(refresh(&x, next->refresh, STR("k"), &none), E_IDEMPOTENCY);
	ck_ok(refresh(&x, next->refresh, STR("l"), &none));
}
END_TEST

/* Row RT3: a minute, and the key at rest is a hash. */
START_TEST(a_repair_has_an_end)
{
	struct person p = core_person("ann");
	struct tokens *next;

	ck_ok(refresh(&x, p.tokens->refresh, STR("key"), &next));
	ck_sql("32", "select octet_length(repair_key) from sessions");
	core_sql("update sessions set rotated_at = now() - "
	    "interval '61 s'");
	ck_err(refresh(&x, p.tokens->refresh, STR("key"), &next),
	    E_REFRESH_INVALID);
	ck_audit("refresh.reuse", 1);
}
END_TEST

/* Rows RT3, RT7: nobody is let in again by a repair. */
START_TEST(who_is_switched_off_repairs_nothing)
{
	struct person p = core_person("ann");
	struct tokens *next;

	config.refresh_grace = 10 * CLOCK_SECOND;
	ck_ok(refresh(&x, p.tokens->refresh, STR("key"), &next));
	core_sql("update users set is_active = false");
	ck_err(refresh(&x, p.tokens->refresh, STR("key"), &next),
	    E_REFRESH_INVALID);
}
END_TEST

START_TEST(what_is_no_refresh_token_of_a_session_is_refused)
{
	struct tokens *next;

	ck_err(refresh(&x, STR(""), STR_NONE, &next), E_REFRESH_INVALID);
	ck_err(refresh(&x, token_make(x.arena, x.keys, TOKEN_REFRESH,
	    uuid_v7(), 0), STR_NONE, &next), E_REFRESH_INVALID);
	ck_err(refresh(&x, token_make(x.arena, x.keys, TOKEN_REFRESH,
	    uuid_v7(), UINT32_MAX), STR_NONE, &next), E_REFRESH_INVALID);
}
END_TEST

/* Row RT1: a generation that was never given is no second use. */
START_TEST(a_token_from_the_future_of_a_family_ends_nothing)
{
	struct person p = core_person("ann");
	struct tokens *next;
	struct uuid id;

	ck_assert(uuid_parse(p.session->id, &id));
	ck_err(refresh(&x, token_make(x.arena, x.keys, TOKEN_REFRESH, id, 7),
	    STR_NONE, &next), E_REFRESH_INVALID);
	ck_ok(refresh(&x, p.tokens->refresh, STR_NONE, &next));
	core_sql("update sessions set ended_at = now()");
	ck_err(refresh(&x, p.tokens->refresh, STR_NONE, &next),
	    E_REFRESH_INVALID);
	ck_audit("refresh.reuse", 0);
}
END_TEST

/* Rows RT1, RT4. */
START_TEST(refresh_token_used_twice_revokes_the_family)
{
	struct account u;
	struct tokens *t = core_ann(&u), *next, *none;
	struct login other;

	ck_ok(core_try("ann", PASSWORD, &other));
	ck_ok(refresh(&x, t->refresh, STR_NONE, &next));
	ck_err(refresh(&x, t->refresh, STR_NONE, &none), E_REFRESH_INVALID);
	ck_err(refresh(&x, next->refresh, STR_NONE, &none), E_REFRESH_INVALID);
	ck_err(core_alive(next->access), E_TOKEN_INVALID);
	ck_ok(core_alive(other.tokens->access));
	ck_sql("1", "select count(*) from audit_logs where action = "
	    "'refresh.reuse'");
}
END_TEST

START_TEST(reuse_revokes_every_session_where_configured)
{
	struct account u;
	struct tokens *t = core_ann(&u), *next;
	struct login other;

	config.refresh_reuse = "user";
	ck_ok(core_try("ann", PASSWORD, &other));
	ck_ok(refresh(&x, t->refresh, STR_NONE, &next));
	ck_err(refresh(&x, t->refresh, STR_NONE, &next), E_REFRESH_INVALID);
	ck_err(core_alive(other.tokens->access), E_TOKEN_INVALID);
}
END_TEST

/* Row RT3: a lost answer is repaired by the same key, and only by it. */
START_TEST(the_same_key_gives_the_same_successor)
{
	struct account u;
	struct tokens *t = core_ann(&u), *one, *two;

	ck_ok(refresh(&x, t->refresh, STR("k1"), &one));
	ck_ok(refresh(&x, t->refresh, STR("k1"), &two));
	ck_assert(str_eq(one->refresh, two->refresh));
	ck_err(refresh(&x, t->refresh, STR("k2"), &two), E_REFRESH_INVALID);
}
END_TEST

/* Row RT3: the grace rule knows the previous generation only. */
START_TEST(grace_gives_the_unused_successor_again)
{
	struct account u;
	struct tokens *t = core_ann(&u), *one, *two;

	config.refresh_grace = 10 * CLOCK_SECOND;
	ck_ok(refresh(&x, t->refresh, STR_NONE, &one));
	ck_ok(refresh(&x, t->refresh, STR_NONE, &two));
	ck_assert(str_eq(one->refresh, two->refresh));
	ck_ok(refresh(&x, one->refresh, STR_NONE, &two));
	ck_err(refresh(&x, t->refresh, STR_NONE, &two), E_REFRESH_INVALID);
}
END_TEST

/* Rows RT6, RT7. */
START_TEST(neither_time_nor_deactivation_can_be_refreshed_away)
{
	struct account u;
	struct tokens *t = core_ann(&u), *next;

	core_sql("update users set is_active = false");
	ck_err(refresh(&x, t->refresh, STR_NONE, &next), E_REFRESH_INVALID);
	ck_err(core_alive(t->access), E_TOKEN_INVALID);
	core_sql("update users set is_active = true");
	core_sql("update sessions set expires_at = now()");
	ck_err(refresh(&x, t->refresh, STR_NONE, &next), E_REFRESH_INVALID);
}
END_TEST

CORE_TESTS(refresh, a_refresh_moves_the_family_by_one,
    refreshing_moves_the_end_of_idleness_alone,
    a_second_use_is_told_and_written_down_once,
    where_configured_a_second_use_ends_all_and_says_so,
    a_key_with_another_token_is_a_conflict_and_ends_nothing,
    a_repair_has_an_end, who_is_switched_off_repairs_nothing,
    what_is_no_refresh_token_of_a_session_is_refused,
    a_token_from_the_future_of_a_family_ends_nothing,
    refresh_token_used_twice_revokes_the_family,
    reuse_revokes_every_session_where_configured,
    the_same_key_gives_the_same_successor,
    grace_gives_the_unused_successor_again,
    neither_time_nor_deactivation_can_be_refreshed_away)
