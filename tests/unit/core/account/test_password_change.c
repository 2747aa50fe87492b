/* A new password, by link or by the old one: rows PR3 to PR6, PW8. */
#include "tests/unit/core/core.h"

#include "core/account/password_change.h"

/* Rows PR3, PR5, PR6. The link's token is derived from its row. */
START_TEST(a_reset_link_works_once_and_ends_everything)
{
	struct account u;
	struct tokens *t = core_ann(&u);
	struct str token;
	struct login l;
	struct uuid id;

	ck_ok(password_reset_request(&x, u.email));
	ck_assert(uuid_parse(str_of(core_sql("select id from one_time where "
	    "purpose = 'reset'")), &id));
	token = token_make(x.arena, x.keys, TOKEN_RESET, id, 0);
	core_request();
	ck_err(password_reset_confirm(&x, token, STR("short")), E_VALIDATION);
	ck_ok(password_reset_confirm(&x, token, STR("NewPassword123")));
	ck_err(password_reset_confirm(&x, token, STR("NewPassword456")),
	    E_BAD_TOKEN);
	ck_err(core_alive(t->access), E_TOKEN_INVALID);
	ck_err(core_try("ann", PASSWORD, &l), E_CREDENTIALS);
	ck_ok(core_try("ann", "NewPassword123", &l));
}
END_TEST

START_TEST(a_newer_reset_link_voids_the_older)
{
	struct account u;
	struct uuid id;

	core_ann(&u);
	ck_ok(password_reset_request(&x, u.email));
	ck_assert(uuid_parse(str_of(core_sql("select id from one_time where "
	    "purpose = 'reset'")), &id));
	ck_ok(password_reset_request(&x, u.email));
	ck_err(password_reset_confirm(&x, token_make(x.arena, x.keys,
	    TOKEN_RESET, id, 0), STR("NewPassword123")), E_BAD_TOKEN);
}
END_TEST

/* Row PW8. */
START_TEST(changing_the_password_keeps_only_the_session_that_did_it)
{
	struct account u;
	struct tokens *one = core_ann(&u);
	struct session *s;
	struct login two;

	ck_ok(core_try("ann", PASSWORD, &two));
	ck_ok(session_of_token(&x, one->access, NULL, &s));
	core_request();
	ck_err(password_change(&x, s, STR("Wrong-Horse-7"),
	    STR("NewPassword123")), E_WRONG_PASSWORD);
	ck_err(password_change(&x, s, STR(PASSWORD), STR("password")),
	    E_VALIDATION);
	ck_assert_str_eq(x.problem.field, "new_password");
	ck_ok(password_change(&x, s, STR(PASSWORD), STR("NewPassword123")));
	ck_ok(core_alive(one->access));
	ck_err(core_alive(two.tokens->access), E_TOKEN_INVALID);
}
END_TEST

CORE_TESTS(password_change, a_reset_link_works_once_and_ends_everything,
    a_newer_reset_link_voids_the_older,
    changing_the_password_keeps_only_the_session_that_did_it)
