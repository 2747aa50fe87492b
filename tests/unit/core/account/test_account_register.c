/* Registering: rows LG3, LG5, LG7. */
#include "tests/unit/core/core.h"

START_TEST(registration_gives_a_session_and_queues_one_mail)
{
	struct account u;
	struct tokens *t = core_ann(&u);

	ck_assert_ptr_nonnull(t);
	ck_ok(core_alive(t->access));
	ck_str(u.full_name, "Ann Lee");
	ck_sql("1", "select count(*) from jobs");
	ck_sql("1", "select count(*) from audit_logs where action = "
	    "'auth.register'");
}
END_TEST

/* Whatever the spelling of its letters, a name is one name (row LG5). */
START_TEST(a_name_in_other_letters_is_taken)
{
	struct registration r = { .email = STR("bob@example.com"),
		.username = STR("aNN"), .password = STR(PASSWORD) };
	struct account u;
	struct tokens *t;

	core_ann(&u);
	ck_err(account_register(&x, &r, &u, &t), E_USERNAME_TAKEN);
	r.username = STR("bob");
	r.email = STR("ann@example.com");
	ck_err(account_register(&x, &r, &u, &t), E_EMAIL_TAKEN);
}
END_TEST

/* Row LG3: with verification required the answer does not tell. */
START_TEST(a_known_address_registers_like_an_unknown_one)
{
	const struct registration r = { .email = STR("ann@example.com"),
		.username = STR("other"), .password = STR(PASSWORD) };
	struct account u;
	struct tokens *t;

	core_ann(&u);
	core_sql("update users set is_verified = true");
	config.email_verification = "required";
	ck_ok(account_register(&x, &r, &u, &t));
	ck_assert_ptr_null(t);
	ck_str(u.username, "other");
	ck_sql("Ann", "select username from users");
	ck_sql("2", "select count(*) from jobs");
}
END_TEST

/* Row LG7: two registrations stand side by side until one is proved. */
START_TEST(a_later_registration_replaces_none)
{
	const struct registration r = { .email = STR("ann@example.com"),
		.username = STR("owner"), .password = STR("Other-Horse-8") };
	struct account u;
	struct tokens *t;
	struct login l;

	config.email_verification = "required";
	ck_assert_ptr_null(core_ann(&u));
	ck_ok(account_register(&x, &r, &u, &t));
	ck_err(core_try("ann", PASSWORD, &l), E_EMAIL_NOT_VERIFIED);
	ck_err(core_try("ann", "Other-Horse-8", &l), E_CREDENTIALS);
	ck_sql("2", "select count(*) from one_time where voided_at is null");
}
END_TEST

CORE_TESTS(account_register, registration_gives_a_session_and_queues_one_mail,
    a_name_in_other_letters_is_taken,
    a_known_address_registers_like_an_unknown_one,
    a_later_registration_replaces_none)
