/* An account is got back by its recovery methods: rows RC1 to RC5. */
#include "tests/unit/core/core.h"

#include "base/limits.h"
#include "core/account/admin_user.h"
#include "core/factor/factor_setup.h"
#include "core/recovery/recovery.h"
#include "core/recovery/recovery_method.h"

#define BOX "box@example.org"
#define PHONE "+4930123456"
#define NEW STR("Other-Horse-8")

static void
offer_sms(void)
{
	config.sms_http_url = "https://sms.example/send";
}

/* A method that its code has proved. */
static struct recovery_method
method(const struct person *p, const char *type, const char *value)
{
	struct recovery_method m;

	ck_ok(recovery_method_add(&x, &p->account, str_of(type),
	    str_of(value), &m));
	ck_ok(recovery_method_verify(&x, &p->account, m.id,
	    core_mail("recovery-code", value, "code"), &m));
	ck_assert(m.verified_at > 0);
	return m;
}

/* Begin one; the challenge. */
static struct str
start(const char *who, struct str which)
{
	struct str challenge;

	core_sql("delete from jobs");
	ck_ok(recovery_start(&x, str_of(who), which, &challenge));
	return challenge;
}

static enum err
confirm(struct str challenge, struct str one, struct str two)
{
	const struct str codes[] = { one, two };

	x.problem = (struct problem){ 0 };
	return recovery_confirm(&x, challenge, codes, two.n ? 2 : 1, NEW);
}

/* Row RC4. */
START_TEST(a_method_is_proved_before_it_is_used)
{
	struct person p = core_person("ann");
	struct recovery_method m, *list;
	size_t n;

	core_by(p.session);
	ck_ok(recovery_method_add(&x, &p.account, STR("email"), STR(BOX),
	    &m));
	ck_assert_int_eq(m.verified_at, 0);
	ck_str(core_mail("recovery-code", BOX, "recovery"), "false");
	ck_str(core_mail("recovery-method", "ann@example.com", "added"),
	    "true");
	ck_assert_int_eq(core_mails("recovery-method", BOX), 0);
	start("ann", STR_NONE);
	ck_assert_int_eq(core_mails("recovery-code", NULL), 0);
	ck_ok(recovery_method_list(&x, p.account.id, &list, &n));
	ck_assert(n == 1 && list[0].verified_at == 0);
	ck_err(recovery_method_verify(&x, &p.account, m.id, STR("abcdef"),
	    &m), E_BAD_CODE);
}
END_TEST

START_TEST(a_method_is_another_address_or_a_number_we_can_write_to)
{
	struct person p = core_person("ann");
	struct recovery_method m;

	ck_err(recovery_method_add(&x, &p.account, STR("email"),
	    p.account.email, &m), E_VALIDATION);
	ck_assert_str_eq(x.problem.field, "value");
	ck_err(recovery_method_add(&x, &p.account, STR("phone"), STR(PHONE),
	    &m), E_CONFLICT);
	offer_sms();
	ck_err(recovery_method_add(&x, &p.account, STR("phone"),
	    STR("123"), &m), E_VALIDATION);
	ck_ok(recovery_method_add(&x, &p.account, STR("phone"),
	    STR("+49 30 123-456"), &m));
	ck_str(m.value, PHONE);
	method(&p, "email", BOX);
	ck_err(recovery_method_add(&x, &p.account, STR("email"), STR(BOX),
	    &m), E_CONFLICT);
	ck_said("already");
	core_sql("insert into recovery_methods (id, user_id, type, value) "
	    "select gen_random_uuid(), '%s', 'email', i || '@example.net' "
	    "from generate_series(3, 10) i", p.account.id.p);
	ck_err(recovery_method_add(&x, &p.account, STR("email"),
	    STR("11@example.org"), &m), E_CONFLICT);
}
END_TEST

/* Rows OT4, RC2: three tries a code, and it is one's own method. */
START_TEST(a_method_takes_three_tries_and_its_owner)
{
	struct person p = core_person("ann"), b = core_person("bob");
	struct recovery_method m;
	struct str code;

	ck_ok(recovery_method_add(&x, &p.account, STR("email"), STR(BOX),
	    &m));
	code = core_mail("recovery-code", BOX, "code");
	ck_err(recovery_method_verify(&x, &b.account, m.id, code, &m),
	    E_NOT_FOUND);
	ck_err(recovery_method_remove(&x, &b.account, m.id), E_NOT_FOUND);
	for (int i = 0; i < 3; i++)
		ck_err(recovery_method_verify(&x, &p.account, m.id,
		    STR("abcdef"), &m), E_BAD_CODE);
	ck_err(recovery_method_verify(&x, &p.account, m.id, code, &m),
	    E_BAD_CODE);
	for (int i = 0; i < 11; i++)
		ck_err(recovery_method_verify(&x, &p.account, m.id,
		    STR("abcdef"), &m), E_BAD_CODE);
	ck_err(recovery_method_verify(&x, &p.account, m.id, code, &m),
	    E_LIMITED);
	ck_assert_int_gt(x.problem.retry_after, 0);
}
END_TEST

START_TEST(a_method_that_is_removed_is_told)
{
	struct person p = core_person("ann");
	struct recovery_method m = method(&p, "email", BOX), *list;
	size_t n;

	core_sql("delete from jobs");
	core_by(p.session);
	ck_ok(recovery_method_remove(&x, &p.account, m.id));
	ck_str(core_mail("recovery-method", "ann@example.com", "added"),
	    "false");
	ck_assert_int_eq(core_mails("recovery-method", BOX), 1);
	ck_ok(recovery_method_list(&x, p.account.id, &list, &n));
	ck_assert_uint_eq(n, 0);
	ck_err(recovery_method_remove(&x, &p.account, m.id), E_NOT_FOUND);
}
END_TEST

/* Rows RC1, RC3, PR5. */
START_TEST(a_code_sets_a_password_and_ends_all_sessions)
{
	const struct credentials c = { .identifier = STR("ann"),
		.password = NEW };
	struct person p = core_person("ann");
	struct str challenge, code;
	struct login l;

	method(&p, "email", BOX);
	challenge = start("ANN@example.com ", STR_NONE);
	code = core_mail("recovery-code", BOX, "code");
	ck_str(core_mail("recovery-code", BOX, "recovery"), "true");
	ck_ok(core_alive(p.tokens->access));
	ck_ok(confirm(challenge, code, STR_NONE));
	ck_err(core_alive(p.tokens->access), E_TOKEN_INVALID);
	ck_ok(login(&x, &c, &l));
	ck_assert_int_eq(core_mails("recovery-done", "ann@example.com"), 1);
	ck_assert_int_eq(core_mails("recovery-done", BOX), 1);
	ck_err(confirm(challenge, code, STR_NONE), E_BAD_CODE);
}
END_TEST

/* Row LG3: nothing tells whether there is such an account. */
START_TEST(an_unknown_account_begins_alike)
{
	struct str challenge = start("nobody", STR_NONE);

	ck_assert(str_starts(challenge, STR("prc_")));
	ck_sql("0", "select count(*) from jobs");
	ck_err(confirm(challenge, STR("123456"), STR_NONE), E_BAD_CODE);
	ck_err(confirm(STR("prc_x"), STR("123456"), STR_NONE), E_BAD_TOKEN);
}
END_TEST

START_TEST(one_method_may_be_named)
{
	struct person p = core_person("ann");
	struct recovery_method m;
	struct str challenge;

	offer_sms();
	m = method(&p, "email", BOX);
	method(&p, "phone", PHONE);
	start("ann", STR("phone"));
	ck_assert_int_eq(core_mails("recovery-code", BOX), 0);
	ck_assert_int_eq(core_mails("recovery-code", PHONE), 1);
	start("ann", m.id);
	ck_assert_int_eq(core_mails("recovery-code", BOX), 1);
	ck_assert_int_eq(core_mails("recovery-code", PHONE), 0);
	challenge = start("ann", STR_NONE);
	ck_ok(confirm(challenge, core_mail("recovery-code", BOX, "code"),
	    STR_NONE));
	ck_assert_int_eq(core_mails("recovery-done", PHONE), 1);
}
END_TEST

/* Row RC1: of who has a factor two proofs of different kinds. */
START_TEST(who_has_a_factor_needs_it_besides)
{
	struct person p = core_person("ann");
	struct subject s;
	struct backup_set set;
	struct str challenge, code;

	method(&p, "email", BOX);
	method(&p, "email", "two@example.org");
	core_totp(&p);
	s = subject_of_account(&p.account);
	ck_ok(factor_backup_renew(&x, &s, &set));
	challenge = start("ann", STR_NONE);
	code = core_mail("recovery-code", BOX, "code");
	ck_err(confirm(challenge, code, STR_NONE), E_BAD_CODE);
	ck_said("second factor");
	ck_err(confirm(challenge, code, core_mail("recovery-code",
	    "two@example.org", "code")), E_BAD_CODE);
	ck_err(confirm(challenge, code, STR("ABCDEFGHJKMNPQRS")),
	    E_FACTOR_INVALID);
	ck_ok(confirm(challenge, set.codes[0], code));
}
END_TEST

/* Row RC2: five tries, and more codes than there can be are guesses. */
START_TEST(a_recovery_takes_five_tries)
{
	const struct str many[] = { STR("111111"), STR("222222"),
		STR("333333") };
	struct person p = core_person("ann");
	struct str challenge, code;

	method(&p, "email", BOX);
	challenge = start("ann", STR_NONE);
	code = core_mail("recovery-code", BOX, "code");
	ck_err(recovery_confirm(&x, challenge, many, 3, NEW), E_BAD_CODE);
	for (int i = 0; i < 2; i++)
		ck_err(confirm(challenge, STR("abcdef"), STR_NONE),
		    E_BAD_CODE);
	ck_err(confirm(challenge, code, STR_NONE), E_BAD_CODE);
	core_sql("update recovery_requests set attempts = 0");
	ck_ok(confirm(challenge, code, STR_NONE));
}
END_TEST

START_TEST(a_bad_password_uses_no_code_up)
{
	struct person p = core_person("ann");
	struct str challenge, code;

	method(&p, "email", BOX);
	challenge = start("ann", STR_NONE);
	code = core_mail("recovery-code", BOX, "code");
	ck_err(recovery_confirm(&x, challenge, &code, 1, STR("short")),
	    E_VALIDATION);
	ck_assert_str_eq(x.problem.field, "new_password");
	ck_ok(confirm(challenge, code, STR_NONE));
}
END_TEST

/* Rows RL4, RC2: over all recoveries of an account, and told. */
START_TEST(a_hundred_failures_end_recovery_until_it_is_unlocked)
{
	struct person boss = core_holder("boss", "admin"),
	    p = core_person("ann");
	struct str challenge;

	method(&p, "email", BOX);
	core_sql("update users set recovery_failures = %d where username = "
	    "'ann'", LIMIT_FAILURES - 1);
	challenge = start("ann", STR_NONE);
	ck_err(confirm(challenge, STR("abcdef"), STR_NONE), E_BAD_CODE);
	ck_str(core_mail("recovery-method", "ann@example.com", "locked"),
	    "true");
	ck_err(confirm(challenge, core_mail("recovery-code", BOX, "code"),
	    STR_NONE), E_BAD_CODE);
	core_by(boss.session);
	ck_ok(admin_user_act(&x, boss.account.id, p.account.id, ADMIN_UNLOCK,
	    NULL));
	core_by(NULL);
	challenge = start("ann", STR_NONE);
	ck_ok(confirm(challenge, core_mail("recovery-code", BOX, "code"),
	    STR_NONE));
}
END_TEST

START_TEST(a_recovery_has_an_end_and_a_limit)
{
	struct person p = core_person("ann");
	struct str challenge;

	method(&p, "email", BOX);
	challenge = start("ann", STR_NONE);
	core_sql("update recovery_requests set expires_at = now()");
	ck_err(confirm(challenge, core_mail("recovery-code", BOX, "code"),
	    STR_NONE), E_BAD_CODE);
	config.rate_limiting = true;
	for (int i = 0; i < 5; i++)
		ck_ok(recovery_start(&x, STR("bob"), STR_NONE, &challenge));
	ck_err(recovery_start(&x, STR("bob"), STR_NONE, &challenge),
	    E_LIMITED);
	x.client = STR("198.51.100.1");
	for (int i = 0; i < 10; i++)
		ck_ok(recovery_start(&x, text("user%d", i), STR_NONE,
		    &challenge));
	ck_err(recovery_start(&x, STR("user99"), STR_NONE, &challenge),
	    E_LIMITED);
}
END_TEST

CORE_TESTS(recovery, a_method_is_proved_before_it_is_used,
    a_method_is_another_address_or_a_number_we_can_write_to,
    a_method_takes_three_tries_and_its_owner,
    a_method_that_is_removed_is_told,
    a_code_sets_a_password_and_ends_all_sessions,
    an_unknown_account_begins_alike, one_method_may_be_named,
    who_has_a_factor_needs_it_besides, a_recovery_takes_five_tries,
    a_bad_password_uses_no_code_up,
    a_hundred_failures_end_recovery_until_it_is_unlocked,
    a_recovery_has_an_end_and_a_limit)
