/* Login by password: what it charges, says and leaves behind. */
#include "tests/unit/core/core.h"

#include "base/limits.h"
#include "core/factor/device.h"
#include "core/factor/factor_verify.h"

#define WRONG "Wrong-Horse-7"

/* As the browser with that token, which may be new; it wants to be known. */
static enum err
log_in_known(const char *name, struct str device, struct login *out)
{
	const struct credentials c = { .identifier = str_of(name),
		.password = STR(PASSWORD), .remember_device = true,
		.device_token = device, .device_name = STR("laptop") };

	return login(&x, &c, out);
}

/* Row LG9. */
START_TEST(every_login_makes_a_session_of_its_own)
{
	struct person p = core_person("ann");
	struct login one, two;

	ck_ok(core_try("ann", PASSWORD, &one));
	ck_ok(core_try("ANN@Example.com ", PASSWORD, &two));
	ck_assert(!str_eq(one.tokens->session_id, two.tokens->session_id));
	ck_assert(!str_eq(one.tokens->session_id, p.session->id));
	ck_ok(core_alive(one.tokens->access));
	ck_ok(core_alive(two.tokens->access));
	ck_str(core_session(one.tokens->access)->amr, "pwd");
	ck_assert(one.account.last_login_at > 0);
	ck_assert_int_eq(one.tokens->session_numeric_id,
	    core_session(one.tokens->access)->numeric_id);
	ck_assert_ptr_null(one.device_token.p);
}
END_TEST

/* Rows LG1, LG4, LG5: the reason after the password, written down before. */
START_TEST(a_refused_login_is_written_down_with_its_reason)
{
	struct login l;

	core_person("ann");
	ck_err(core_try("ann", WRONG, &l), E_CREDENTIALS);
	ck_err(core_try("nobody", WRONG, &l), E_CREDENTIALS);
	core_sql("update users set must_reset_password = true");
	ck_err(core_try("ann", WRONG, &l), E_CREDENTIALS);
	ck_err(core_try("ann", PASSWORD, &l), E_RESET_REQUIRED);
	ck_sql("1", "select count(*) from audit_logs where reason = '%s' and "
	    "result <> 'success' and user_id is not null",
	    err_code(E_RESET_REQUIRED));
	ck_sql("2", "select count(*) from audit_logs where reason = '%s' and "
	    "user_id is not null and ip_address = '192.0.2.7'",
	    err_code(E_CREDENTIALS));
	config.audit = false;
	ck_err(core_try("ann", WRONG, &l), E_CREDENTIALS);
	ck_sql("2", "select count(*) from audit_logs where reason = '%s' and "
	    "user_id is not null", err_code(E_CREDENTIALS));
}
END_TEST

/* Row RL2: the right password of an account that rests spends nothing. */
START_TEST(a_right_password_is_given_its_try_back)
{
	struct login l;

	core_person("ann");
	core_sql("update users set is_active = false");
	for (long i = 0; i < config.lock_attempts + 2; i++)
		ck_err(core_try("ann", PASSWORD, &l), E_ACCOUNT_DISABLED);
}
END_TEST

/* Rows RL1, RL3: each network has its own tries, and the lock its sentence. */
START_TEST(a_lock_says_for_how_long_and_ends)
{
	struct login l;

	core_person("ann");
	for (long i = 0; i < config.lock_attempts; i++)
		ck_err(core_try("ann", WRONG, &l), E_CREDENTIALS);
	ck_err(core_try("ann", PASSWORD, &l), E_LOCKED);
	ck_assert_int_gt(x.problem.retry_after, 0);
	ck_assert_int_le(x.problem.retry_after,
	    config.lock_duration / CLOCK_SECOND + 1);
	ck_said("try again in");
	ck_audit("auth.login", 6);
	core_sql("update attempts set expires_at = now()");
	ck_ok(core_try("ann", PASSWORD, &l));
}
END_TEST

/* Row RL4: what all the world tried is ended by mail alone. */
START_TEST(a_hundred_failures_lock_out_all_but_who_is_known)
{
	struct person p = core_person("ann");
	struct login known, l;
	struct str stored;

	ck_ok(log_in_known("ann", STR_NONE, &known));
	ck_assert_ptr_nonnull(known.device_token.p);
	for (int i = 0; i < LIMIT_FAILURES; i++) {
		x.client = text("198.51.100.%d", i);
		ck_err(core_try("ann", WRONG, &l), E_CREDENTIALS);
	}
	x.client = STR("203.0.113.9");
	ck_err(core_try("ann", PASSWORD, &l), E_LOCKED);
	ck_assert_int_eq(x.problem.retry_after, 0);
	ck_said("reset your password");
	x.problem = (struct problem){ 0 };
	/* Row RL5: his device, and his session, have a budget of their own. */
	ck_ok(login_prove(&x, p.session, STR(PASSWORD), &stored));
	ck_ok(log_in_known("ann", known.device_token, &l));
	/* Row RL7: and the whole login gave the total back. */
	ck_ok(core_try("ann", PASSWORD, &l));
}
END_TEST

/* Row LG11. */
START_TEST(a_login_after_failures_is_told_with_their_number)
{
	struct login l;

	core_person("ann");
	ck_ok(core_try("ann", PASSWORD, &l));
	core_sql("delete from jobs");
	for (long i = 0; i < config.lock_attempts; i++) {
		x.client = text("198.51.100.%ld", i);
		ck_err(core_try("ann", WRONG, &l), E_CREDENTIALS);
	}
	x.client = STR("192.0.2.7");
	ck_ok(core_try("ann", PASSWORD, &l));
	ck_assert_int_eq(core_mails("new-login", "ann@example.com"), 1);
	ck_ok(core_try("ann", PASSWORD, &l));
	ck_assert_int_eq(core_mails("new-login", NULL), 1);
}
END_TEST

/* Row TD4: made anew at each use, and a copy ends it. */
START_TEST(an_old_token_of_a_device_ends_the_device)
{
	struct login one, two, three;
	struct device *d;
	size_t n;
	struct person p = core_person("ann");

	ck_ok(log_in_known("ann", STR_NONE, &one));
	ck_ok(log_in_known("ann", one.device_token, &two));
	ck_assert(!str_eq(one.device_token, two.device_token));
	ck_ok(device_list(&x, p.account.id, &d, &n));
	ck_assert_uint_eq(n, 1);
	ck_str(d[0].name, "laptop");
	ck_assert(!d[0].trusted);
	/* a lost answer: the one before is good until the next is used */
	ck_ok(log_in_known("ann", one.device_token, &two));
	ck_ok(log_in_known("ann", two.device_token, &three));
	core_sql("delete from jobs");
	ck_ok(log_in_known("ann", one.device_token, &three));
	ck_str(core_mail("factor", "ann@example.com", "device"), "true");
	ck_sql("1", "select count(*) from devices where revoked_at is not "
	    "null");
	/* and what it was given by its newest use is nothing any more */
	ck_ok(device_list(&x, p.account.id, &d, &n));
	ck_assert_uint_eq(n, 1);
}
END_TEST

/* Row TD4: of its own user alone. */
START_TEST(a_device_of_another_is_no_device)
{
	struct login ann, bob;
	struct person b;

	core_person("ann");
	b = core_person("bob");
	ck_ok(log_in_known("ann", STR_NONE, &ann));
	ck_ok(log_in_known("bob", ann.device_token, &bob));
	ck_sql("2", "select count(*) from devices where revoked_at is null");
	ck_sql("1", "select count(*) from devices where user_id = '%s'",
	    b.account.id.p);
}
END_TEST

/* Rows LG8, LG13. */
START_TEST(who_has_a_factor_gets_a_challenge_and_no_session)
{
	struct person p = core_person("ann");
	struct subject s;
	struct login l;
	struct str id;

	core_totp(&p);
	core_sql("delete from sessions");
	ck_ok(core_try("ann", PASSWORD, &l));
	ck_assert_ptr_null(l.tokens);
	ck_str(l.challenge->methods, "totp,backup");
	ck_assert(!l.challenge->code_sent);
	ck_sql("0", "select count(*) from sessions");
	ck_assert(challenge_open(&x, l.challenge->token, &id));
	ck_ok(challenge_subject(&x, id, &s));
	ck_assert(str_eq(s.id, p.account.id));
	ck_assert(!challenge_open(&x, STR("plc_x"), &id));
	core_sql("update challenges set expires_at = now()");
	ck_err(challenge_subject(&x, id, &s), E_CHALLENGE_INVALID);
}
END_TEST

/* Rows TD1, TD2: a device named after a factor skips it, of an admin never. */
START_TEST(a_trusted_device_skips_the_factor_but_of_administrators)
{
	const struct factor_try t = { .remember = true };
	struct person p = core_person("ann");
	struct str secret = core_totp(&p), id;
	struct factor_try try = t;
	struct factor_proof proof;
	struct login l, done;

	ck_ok(core_try("ann", PASSWORD, &l));
	ck_assert(challenge_open(&x, l.challenge->token, &id));
	try.code = core_code(secret, 1);
	ck_ok(factor_verify_login(&x, id, &try, &proof, &done));
	ck_ok(log_in_known("ann", done.device_token, &l));
	ck_assert_ptr_nonnull(l.tokens);
	core_sql("insert into user_roles (user_id, role_id) select u.id, r.id "
	    "from users u, roles r where r.name = 'admin'");
	ck_ok(log_in_known("ann", l.device_token, &l));
	ck_assert_ptr_nonnull(l.challenge);
}
END_TEST

/* Row SE9 and password_change: the same budget as a login. */
START_TEST(proving_the_own_password_is_charged_like_a_login)
{
	struct person p = core_person("ann");
	struct str stored;
	struct login l;

	ck_ok(login_prove(&x, p.session, STR(PASSWORD), &stored));
	ck_assert_str_eq(core_sql("select password_hash from users"),
	    text("%.*s", STR_FMT(stored)).p);
	for (long i = 0; i < config.lock_attempts; i++)
		ck_err(login_prove(&x, p.session, STR(WRONG), &stored),
		    E_WRONG_PASSWORD);
	ck_err(login_prove(&x, p.session, STR(PASSWORD), &stored), E_LOCKED);
	ck_err(core_try("ann", PASSWORD, &l), E_LOCKED);
}
END_TEST

/* Rows LG1, LG4. */
START_TEST(a_reason_is_given_only_after_the_right_password)
{
	struct account u;
	struct login l;

	core_ann(&u);
	core_sql("update users set is_active = false");
	ck_err(core_try("ann", WRONG, &l), E_CREDENTIALS);
	ck_err(core_try("nobody", WRONG, &l), E_CREDENTIALS);
	ck_err(core_try("ann", PASSWORD, &l), E_ACCOUNT_DISABLED);
}
END_TEST

/* Row RL4: known and unknown names alike. */
START_TEST(five_failures_lock_the_name_for_the_network)
{
	struct account u;
	struct login l;

	core_ann(&u);
	for (int i = 0; i < 5; i++) {
		ck_err(core_try("ann", WRONG, &l), E_CREDENTIALS);
		ck_err(core_try("nobody", WRONG, &l), E_CREDENTIALS);
	}
	ck_err(core_try("ANN@example.com", PASSWORD, &l), E_LOCKED);
	ck_assert_int_ge(x.problem.retry_after, 29 * 60);
	ck_err(core_try("nobody", PASSWORD, &l), E_LOCKED);
	x.client = STR("198.51.100.1");
	ck_ok(core_try("ann", PASSWORD, &l));
}
END_TEST

/* Row RL5: the owner's known device keeps its own budget. */
START_TEST(a_known_device_logs_in_through_a_lockout)
{
	struct credentials c = { .identifier = STR("ann"),
		.password = STR(PASSWORD), .remember_device = true };
	struct account u;
	struct login l;

	core_ann(&u);
	ck_ok(login(&x, &c, &l));
	c.device_token = l.device_token;
	for (int i = 0; i < 6; i++)
		(void)core_try("ann", WRONG, &l);
	ck_err(core_try("ann", PASSWORD, &l), E_LOCKED);
	core_request();
	ck_ok(login(&x, &c, &l));
}
END_TEST

/* Row RL7: a success clears the failures before it. */
START_TEST(a_login_clears_the_failures)
{
	struct account u;
	struct login l;

	core_ann(&u);
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < 4; i++)
			ck_err(core_try("ann", WRONG, &l),
			    E_CREDENTIALS);
		ck_ok(core_try("ann", PASSWORD, &l));
	}
}
END_TEST

/* Row LG11: every proved address, the one that is two once; two statements. */
START_TEST(a_new_place_is_told_everywhere_without_a_further_round_trip)
{
	struct account u;
	struct login l;
	uint64_t trips;

	core_ann(&u);
	core_sql("insert into recovery_methods (id, user_id, type, value, "
	    "verified_at) select gen_random_uuid(), u.id, m.type, m.value, "
	    "m.verified_at from users u, (values ('email', 'ann@example.com', "
	    "now()), ('email', 'ann@example.org', now()), ('email', "
	    "'ann@example.net', null), ('phone', '+4930123456', now())) m "
	    "(type, value, verified_at)");
	ck_ok(core_try("ann", PASSWORD, &l));
	core_sql("delete from jobs");
	x.user_agent = STR("another");
	trips = db_round_trips(x.db);
	ck_ok(core_try("ann", PASSWORD, &l));
	ck_assert_uint_eq(db_round_trips(x.db) - trips, 2);
	ck_sql("2", "select count(*) from jobs");
	ck_ok(core_try("ann", PASSWORD, &l));
	ck_sql("2", "select count(*) from jobs");
}
END_TEST

/* Row PW6: an imported or outdated string is replaced at the next login. */
START_TEST(an_old_hash_is_renewed_at_login)
{
	struct account u;
	struct login l;

	core_ann(&u);
	core_sql("update users set password_hash = "
	    "'$2b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW'");
	ck_ok(core_try("ann", "U*U", &l));
	ck_sql("$argon2id$", "select left(password_hash, 10) from users");
	ck_ok(core_try("ann", "U*U", &l));
}
END_TEST

/* Row SE5. */
START_TEST(the_oldest_session_past_the_limit_ends)
{
	struct account u;
	struct tokens *first = core_ann(&u);
	struct login l;

	core_sql("insert into sessions (id, user_id, expires_at, "
	    "absolute_expires_at) select gen_random_uuid(), id, now() + "
	    "interval '1 day', now() + interval '1 day' from users, "
	    "generate_series(1, 49)");
	ck_ok(core_alive(first->access));
	core_sql("update sessions set created_at = now() - interval '1 hour' "
	    "where id = '%s'", first->session_id.p);
	ck_ok(core_try("ann", PASSWORD, &l));
	ck_err(core_alive(first->access), E_TOKEN_INVALID);
	ck_sql("50", "select count(*) from sessions where ended_at is null");
}
END_TEST

CORE_TESTS(login, every_login_makes_a_session_of_its_own,
    a_refused_login_is_written_down_with_its_reason,
    a_right_password_is_given_its_try_back, a_lock_says_for_how_long_and_ends,
    a_hundred_failures_lock_out_all_but_who_is_known,
    a_login_after_failures_is_told_with_their_number,
    an_old_token_of_a_device_ends_the_device, a_device_of_another_is_no_device,
    who_has_a_factor_gets_a_challenge_and_no_session,
    a_trusted_device_skips_the_factor_but_of_administrators,
    proving_the_own_password_is_charged_like_a_login,
    a_reason_is_given_only_after_the_right_password,
    five_failures_lock_the_name_for_the_network,
    a_known_device_logs_in_through_a_lockout, a_login_clears_the_failures,
    a_new_place_is_told_everywhere_without_a_further_round_trip,
    an_old_hash_is_renewed_at_login, the_oldest_session_past_the_limit_ends)
