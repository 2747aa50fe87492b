/* Sessions of a user: what they are, and how they end. */
#include "tests/unit/core/core.h"

#include "core/account/password_change.h"
#include "core/session/introspect.h"
#include "core/session/refresh.h"
#include "core/session/session_change.h"
#include "core/session/signing.h"

/* Row JW10: nothing of the person but ids. */
START_TEST(a_token_says_whose_and_which_session_it_is)
{
	struct person p = core_person("ann");
	struct str body = p.tokens->access, head, json;

	ck_assert(str_split(&body, '.', &head));
	ck_assert(str_split(&body, '.', &head));
	ck_assert(b64url_decode(x.arena, head, &json));
	ck_assert_ptr_nonnull(strstr(arena_cstr(x.arena, json),
	    text("%.*s", STR_FMT(p.session->id)).p));
	ck_assert_ptr_null(strstr(arena_cstr(x.arena, json), "example.com\""
	    ",\"email"));
	ck_assert_ptr_null(strstr(arena_cstr(x.arena, json), "ann"));
	ck_assert_int_eq(p.tokens->expires_in, config.access_ttl /
	    CLOCK_SECOND);
}
END_TEST

/* Row SE4: his own, newest first, the ended ones not. */
START_TEST(a_user_sees_his_live_sessions)
{
	struct person p = core_person("ann");
	struct session_entry *list;
	int64_t total;
	size_t n;

	core_person("bob");
	x.client = STR("198.51.100.4");
	x.user_agent = STR("tablet");
	core_login("ann");
	core_login("ann");
	core_sql("update sessions set ended_at = now() where id = (select "
	    "max(id::text)::uuid from sessions)");
	ck_ok(session_list(&x, p.account.id, 10, 0, &list, &n, &total));
	ck_assert_uint_eq(n, 2);
	ck_assert_int_eq(total, 2);
	ck_str(list[0].ip_address, "198.51.100.4");
	ck_str(list[0].user_agent, "tablet");
	ck_str(list[0].amr, "pwd");
	ck_assert(str_eq(list[1].id, p.session->id));
	ck_assert(!list[0].is_current && !list[1].is_current);
	ck_assert_int_eq(list[1].numeric_id, p.session->numeric_id);
	ck_assert(list[0].expires_at > list[0].last_used_at);
	x.actor = p.session->id;
	ck_ok(session_list(&x, p.account.id, 10, 0, &list, &n, &total));
	ck_assert(!list[0].is_current && list[1].is_current);
	ck_ok(session_list(&x, p.account.id, 1, 1, &list, &n, &total));
	ck_assert_uint_eq(n, 1);
	ck_assert_int_eq(total, 2);
	ck_ok(session_list(&x, p.account.id, 5, 7, &list, &n, &total));
	ck_assert_uint_eq(n, 0);
	ck_assert_int_eq(total, 2);
}
END_TEST

/* Row SE4: by either id, and nobody else's. */
START_TEST(a_user_ends_one_of_his_own_sessions)
{
	struct person ann = core_person("ann"), bob = core_person("bob");
	struct tokens *other = core_login("ann");
	struct str number = arena_int(x.arena, other->session_numeric_id);

	ck_err(session_end_one(&x, bob.account.id, number), E_NOT_FOUND);
	ck_err(session_end_one(&x, bob.account.id, ann.session->id),
	    E_NOT_FOUND);
	ck_err(session_end_one(&x, ann.account.id, STR("no id")),
	    E_NOT_FOUND);
	ck_ok(session_end_one(&x, ann.account.id, number));
	ck_err(core_alive(other->access), E_TOKEN_INVALID);
	ck_ok(session_end_one(&x, ann.account.id, ann.session->id));
	ck_err(core_alive(ann.tokens->access), E_TOKEN_INVALID);
	ck_err(session_end_one(&x, ann.account.id, ann.session->id),
	    E_NOT_FOUND);
	ck_ok(core_alive(bob.tokens->access));
	ck_audit("session.end", 2);
}
END_TEST

/* Row SE2: of idleness its refresh token dies, see test_refresh.c. */
START_TEST(a_session_that_ran_out_opens_nothing)
{
	struct person p = core_person("ann");

	core_sql("update sessions set absolute_expires_at = now() + "
	    "interval '1 minute'");
	ck_ok(core_alive(p.tokens->access));
	core_sql("update sessions set absolute_expires_at = now()");
	ck_err(core_alive(p.tokens->access), E_TOKEN_INVALID);
}
END_TEST

/* Row SE2: used a minute ago or longer, it is written down. */
START_TEST(a_use_is_written_down_once_a_minute)
{
	struct person p = core_person("ann");

	core_sql("update sessions set last_used_at = now() - "
	    "interval '50 s'");
	ck_ok(core_alive(p.tokens->access));
	ck_sql("f", "select last_used_at > now() - interval '40 s' from "
	    "sessions");
	core_sql("update sessions set last_used_at = now() - "
	    "interval '70 s'");
	ck_ok(core_alive(p.tokens->access));
	ck_sql("t", "select last_used_at > now() - interval '40 s' from "
	    "sessions");
}
END_TEST

/* Row RL13: the limit of a user holds over all of his sessions. */
START_TEST(a_limit_counts_by_the_user_of_the_token)
{
	struct person p = core_person("ann");
	struct tokens *two = core_login("ann");
	struct limit l = { .name = "test", .max = 1, .durable = true,
		.window = 3600 * CLOCK_SECOND };
	struct session *s;

	config.rate_limiting = true;
	ck_ok(session_of_token(&x, p.tokens->access, &l, &s));
	ck_assert(str_eq(l.whose, p.account.id));
	l.known = false;
	ck_err(session_of_token(&x, two->access, &l, &s), E_LIMITED);
	ck_assert_int_gt(x.problem.retry_after, 0);
}
END_TEST

/* Row SE9. */
START_TEST(a_proof_is_recent_for_ten_minutes)
{
	struct session s = { .proved_at = clock_wall() - 590 * CLOCK_SECOND };

	ck_assert(session_recent(&s));
	s.proved_at = clock_wall() - 601 * CLOCK_SECOND;
	ck_assert(!session_recent(&s));
}
END_TEST

START_TEST(a_token_that_is_none_asks_nobody)
{
	uint64_t before = db_round_trips(x.db);

	ck_err(core_alive(STR("")), E_TOKEN_INVALID);
	ck_err(core_alive(STR("a.b.c")), E_TOKEN_INVALID);
	ck_assert_uint_eq(db_round_trips(x.db), before);
}
END_TEST

/* Row SE3: what has changed is doubted, whoever asks first. */
START_TEST(a_change_is_doubted_until_it_is_heard_of)
{
	struct person p = core_person("ann");
	int64_t now = session_change_clock(&x);

	if (!core_redis())
		return;
	ck_assert(!session_change_since(&x, p.session->id, now + 1));
	session_stale(&x, p.session->id);
	ck_assert(session_change_since(&x, p.session->id, now));
	ck_assert(!session_change_since(&x, STR("roles"), now + 1));
	session_stale_roles(&x);
	ck_assert(session_change_since(&x, STR("roles"), now));
}
END_TEST

/* One question for all processes of a host, and what it brings. */
START_TEST(one_process_asks_what_others_changed)
{
	struct person p = core_person("ann");
	struct str sid = p.session->id;
	const struct statement step = SQL(session_touch, .session_id = sid);
	struct rows *r;

	*x.shared = (struct shared){ 0 };
	ck_assert(!session_change_heard(&x));
	ck_assert(session_change_due(&x));
	ck_assert(!session_change_due(&x));
	ck_ok(session_change_ask(&x, &step, &r));
	ck_assert(session_change_heard(&x));
	ck_assert(!session_change_due(&x));
	core_sql("update sessions set ended_at = now()");
	ck_ok(session_change_ask(&x, &step, &r));
	ck_assert(session_change_since(&x, sid, 1));
	x.shared->alone = true;
	ck_assert(!session_change_heard(&x));
	ck_assert(!session_change_due(&x));
}
END_TEST

/* Row 0b: a secret for one purpose is nothing at another door. */
START_TEST(a_token_opens_only_its_own_door)
{
	struct account u;
	struct tokens *t = core_ann(&u), *next;
	struct introspection i;

	ck_err(core_alive(t->refresh), E_TOKEN_INVALID);
	ck_err(refresh(&x, t->access, STR_NONE, &next), E_REFRESH_INVALID);
	ck_err(password_reset_confirm(&x, t->refresh, STR("Other-Horse-8")),
	    E_BAD_TOKEN);
	ck_ok(introspect(&x, token_make(x.arena, x.keys, TOKEN_RESET, uuid_v7(),
	    0), &i));
	ck_assert(!i.active);
}
END_TEST

/* Row SE3. */
START_TEST(logout_scopes_end_what_they_say)
{
	struct account u;
	struct tokens *one = core_ann(&u);
	struct login two, three;

	ck_ok(core_try("ann", PASSWORD, &two));
	ck_ok(core_try("ann", PASSWORD, &three));
	ck_ok(session_end(&x, u.id, one->session_id, SESSION_THIS, "logout"));
	ck_err(core_alive(one->access), E_TOKEN_INVALID);
	ck_ok(core_alive(two.tokens->access));
	ck_ok(session_end(&x, u.id, two.tokens->session_id, SESSION_OTHERS,
	    "logout"));
	ck_err(core_alive(three.tokens->access), E_TOKEN_INVALID);
	ck_ok(core_alive(two.tokens->access));
	ck_ok(session_end(&x, u.id, STR_NONE, SESSION_ALL, "logout"));
	ck_err(core_alive(two.tokens->access), E_TOKEN_INVALID);
}
END_TEST

CORE_TESTS(session, a_token_says_whose_and_which_session_it_is,
    a_user_sees_his_live_sessions, a_user_ends_one_of_his_own_sessions,
    a_session_that_ran_out_opens_nothing, a_use_is_written_down_once_a_minute,
    a_limit_counts_by_the_user_of_the_token, a_proof_is_recent_for_ten_minutes,
    a_token_that_is_none_asks_nobody, a_change_is_doubted_until_it_is_heard_of,
    one_process_asks_what_others_changed, a_token_opens_only_its_own_door,
    logout_scopes_end_what_they_say)
