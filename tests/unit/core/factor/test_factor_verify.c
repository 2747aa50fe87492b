/* A factor is tried: at login, and in a session. */
#include "tests/unit/core/core.h"

#include "base/limits.h"
#include "core/factor/backup.h"
#include "core/factor/factor_send.h"
#include "core/factor/factor_verify.h"

static struct str
begin(const char *name, bool remember)
{
	const struct credentials c = { .identifier = str_of(name),
		.password = STR(PASSWORD), .remember_device = remember };
	struct login l;
	struct str id;

	ck_ok(login(&x, &c, &l));
	ck_assert_ptr_nonnull(l.challenge);
	ck_assert(challenge_open(&x, l.challenge->token, &id));
	return id;
}

static enum err
finish(struct str challenge, struct str code, struct login *out)
{
	struct factor_try t = { .code = code };
	struct factor_proof proof;

	x.problem = (struct problem){ 0 };
	return factor_verify_login(&x, challenge, &t, &proof, out);
}

static enum err
step_up(const struct person *p, struct str code, struct factor_proof *proof)
{
	struct subject s = subject_of_account(&p->account);
	struct factor_try t = { .code = code };

	x.problem = (struct problem){ 0 };
	return factor_verify(&x, &s, p->session, &t, proof);
}

/* Rows LG8, LG13, RL7. */
START_TEST(a_challenge_and_a_code_are_a_login)
{
	struct person p = core_person("ann");
	struct str secret = core_totp(&p), id = begin("ann", false);
	struct login l;

	ck_ok(finish(id, core_code(secret, 1), &l));
	ck_assert(str_eq(l.account.id, p.account.id));
	ck_ok(core_alive(l.tokens->access));
	ck_str(core_session(l.tokens->access)->amr, "pwd otp");
	ck_assert_ptr_null(l.device_token.p);
	ck_assert_int_eq(l.tokens->session_numeric_id,
	    core_session(l.tokens->access)->numeric_id);
	/* good once */
	ck_err(finish(id, core_code(secret, 1), &l), E_CHALLENGE_INVALID);
}
END_TEST

/* Row TO4: by which challenge or session ever. */
START_TEST(each_step_is_taken_once)
{
	struct person p = core_person("ann");
	struct str secret = core_totp(&p), id = begin("ann", false);
	struct factor_proof proof;
	struct login l;

	/* that of the setup, which is used */
	ck_err(finish(id, core_code(secret, 0), &l), E_FACTOR_INVALID);
	ck_ok(finish(id, core_code(secret, 1), &l));
	ck_err(finish(begin("ann", false), core_code(secret, 1), &l),
	    E_FACTOR_INVALID);
	ck_err(step_up(&p, core_code(secret, 1), &proof), E_FACTOR_INVALID);
	ck_sql("3", "select count(*) from audit_logs where action = "
	    "'2fa.failed' and reason = 'used before'");
}
END_TEST

/* Row TO6: what is no code at all costs no try. */
START_TEST(what_is_no_code_is_told_and_not_charged)
{
	static const char *const none[] = { "", "12345", "1234567", "12a4",
		"\xef\xbc\x91\xef\xbc\x92", "12345\n", "abc", "1234567890" };
	struct person p = core_person("ann");
	struct str secret = core_totp(&p), id = begin("ann", false);
	struct login l;

	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		ck_err(finish(id, str_of(none[i]), &l), E_VALIDATION);
		ck_assert_str_eq(x.problem.field, "code");
	}
	ck_sql("0", "select attempts from challenges");
	ck_ok(finish(id, core_code(secret, 1), &l));
}
END_TEST

/* Rows TO10, LG11: five tries, and the owner hears of them. */
START_TEST(five_wrong_codes_end_a_challenge_and_are_told)
{
	struct person p = core_person("ann");
	struct str secret = core_totp(&p), id = begin("ann", false);
	struct login l;

	core_sql("delete from jobs");
	for (int i = 0; i < 4; i++)
		ck_err(finish(id, STR("ABCDEFGHJKMNPQRS"), &l),
		    E_FACTOR_INVALID);
	ck_assert_int_eq(core_mails("factor", NULL), 0);
	ck_err(finish(id, STR("ABCDEFGHJKMNPQRS"), &l), E_FACTOR_INVALID);
	ck_str(core_mail("factor", "ann@example.com", "guessed"), "true");
	ck_err(finish(id, core_code(secret, 1), &l), E_CHALLENGE_INVALID);
	ck_ok(finish(begin("ann", false), core_code(secret, 1), &l));
	ck_audit("2fa.failed", 5);
}
END_TEST

/* Row LG13: void as soon as the password changes, after five minutes. */
START_TEST(a_challenge_dies_with_the_password_and_with_time)
{
	struct person p = core_person("ann");
	struct str secret = core_totp(&p), id = begin("ann", false);
	struct login l;

	core_sql("update users set password_changed_at = now()");
	ck_err(finish(id, core_code(secret, 1), &l), E_CHALLENGE_INVALID);
	id = begin("ann", false);
	core_sql("update challenges set expires_at = now()");
	ck_err(finish(id, core_code(secret, 1), &l), E_CHALLENGE_INVALID);
	ck_err(finish(uuid_text(x.arena, uuid_v7()), core_code(secret, 1),
	    &l), E_CHALLENGE_INVALID);
}
END_TEST

/* Row TD1. */
START_TEST(a_device_named_after_the_factor_is_trusted)
{
	struct factor_try t = { .remember = true,
		.device_name = STR("phone") };
	struct person p = core_person("ann");
	struct str secret = core_totp(&p);
	struct factor_proof proof;
	struct login l;

	t.code = core_code(secret, 1);
	ck_ok(factor_verify_login(&x, begin("ann", false), &t, &proof, &l));
	ck_assert_ptr_nonnull(l.device_token.p);
	ck_assert_int_eq(proof.backup_codes, -1);
	ck_str(proof.method, "totp");
	ck_sql("phone", "select name from devices where factor_proved");
}
END_TEST

/* Rows BC3, BC5. */
START_TEST(a_backup_code_works_once_and_is_told)
{
	struct person p = core_person("ann");
	struct subject s;
	struct backup_set set;
	struct factor_proof proof;
	struct factor_try t = { 0 };
	struct str secret = core_totp(&p), id;
	struct login l;

	s = subject_of_account(&p.account);
	ck_ok(factor_backup_renew(&x, &s, &set));
	core_sql("delete from jobs");
	id = begin("ann", false);
	t.code = text("%.4s-%.4s %.8s", set.codes[0].p, set.codes[0].p + 4,
	    set.codes[0].p + 8);
	ck_ok(factor_verify_login(&x, id, &t, &proof, &l));
	ck_str(proof.method, "backup");
	ck_assert_int_eq(proof.backup_codes, BACKUP_CODES - 1);
	ck_str(core_session(l.tokens->access)->amr, "pwd backup");
	ck_str(core_mail("factor", "ann@example.com", "backup"), "true");
	ck_err(finish(begin("ann", false), set.codes[0], &l),
	    E_FACTOR_INVALID);
	/* in a session as well, where it is a proof */
	ck_ok(step_up(&p, set.codes[1], &proof));
	ck_assert_int_eq(proof.backup_codes, BACKUP_CODES - 2);
	/* and where nothing but one is taken, no other code is */
	t = (struct factor_try){ .code = core_code(secret, 1),
		.backup_only = true };
	ck_err(factor_verify(&x, &s, p.session, &t, &proof),
	    E_FACTOR_INVALID);
}
END_TEST

/* Rows SE9, TO2. */
START_TEST(a_step_up_renews_the_proof_of_its_session)
{
	struct person p = core_person("ann");
	struct str secret = core_totp(&p);
	struct factor_proof proof;

	core_sql("update sessions set proved_at = now() - interval '1 hour'");
	p.session = core_session(p.tokens->access);
	ck_assert(!factor_recent(p.session));
	ck_ok(step_up(&p, core_code(secret, 1), &proof));
	p.session = core_session(p.tokens->access);
	ck_assert(factor_recent(p.session));
	ck_str(p.session->amr, "pwd otp");
	ck_audit("2fa.verified", 1);
}
END_TEST

START_TEST(who_has_no_factor_has_none_to_try)
{
	struct person p = core_person("ann");
	struct factor_proof proof;

	ck_err(step_up(&p, STR("123456"), &proof), E_CONFLICT);
	ck_said("no second factor");
}
END_TEST

/* Row RL4: a hundred failures, counted over every way; then not even the
 * right code, until another factor was proved. */
START_TEST(a_hundred_failures_put_a_factor_out_of_use)
{
	struct person p = core_person("ann");
	struct subject s;
	struct backup_set set;
	struct factor_proof proof;
	struct factors live;
	struct str secret = core_totp(&p);

	s = subject_of_account(&p.account);
	ck_ok(factor_backup_renew(&x, &s, &set));
	core_sql("delete from jobs");
	core_sql("update factors set failures = %d", LIMIT_FAILURES - 1);
	ck_err(step_up(&p, core_code(secret, 9), &proof), E_FACTOR_INVALID);
	ck_str(core_mail("factor", "ann@example.com", "locked"), "true");
	ck_ok(factor_list(&x, &s, &live));
	ck_assert(live.list[0].locked);
	ck_err(step_up(&p, core_code(secret, 1), &proof), E_LOCKED);
	ck_said("another way");
	ck_ok(step_up(&p, set.codes[0], &proof));
	ck_ok(step_up(&p, core_code(secret, 1), &proof));
}
END_TEST

/* Row OT3: a code for one session is nothing in another. */
START_TEST(a_sent_code_is_bound_to_what_it_was_sent_for)
{
	struct person p = core_person("ann");
	struct subject s = subject_of_account(&p.account);
	struct factor_sent sent;
	struct factor_proof proof;
	struct str code;
	struct login l;

	core_sql("insert into subjects (id, user_id) values ('%s', '%s'); "
	    "insert into factors (subject_id, kind, id, destination, "
	    "enabled_at) values ('%s', 'email', gen_random_uuid(), "
	    "'box@example.org', now()); update users set two_factor_enabled "
	    "= true", s.id.p, s.id.p, s.id.p);
	ck_ok(factor_send(&x, &s, STR("email"), text("session:%s",
	    p.session->id.p), &sent));
	code = core_mail("factor-code", "box@example.org", "code");
	ck_err(finish(begin("ann", false), code, &l), E_FACTOR_INVALID);
	ck_ok(step_up(&p, code, &proof));
	ck_str(proof.method, "email");
	ck_err(step_up(&p, code, &proof), E_FACTOR_INVALID);
	ck_str(core_session(p.tokens->access)->amr, "pwd email");
}
END_TEST

/* Row LG11. */
START_TEST(a_login_by_factor_from_a_new_place_is_told)
{
	struct person p = core_person("ann");
	struct tokens *before = core_login("ann");
	struct str secret = core_totp(&p), id;
	struct login l;

	ck_err(core_alive(before->access), E_TOKEN_INVALID);
	core_sql("delete from jobs");
	id = begin("ann", false);
	x.user_agent = STR("another");
	x.client = STR("198.51.100.77");
	ck_ok(finish(id, core_code(secret, 1), &l));
	ck_str(core_mail("new-login", "ann@example.com", "ip"),
	    "198.51.100.77");
}
END_TEST

CORE_TESTS(factor_verify, a_challenge_and_a_code_are_a_login,
    each_step_is_taken_once, what_is_no_code_is_told_and_not_charged,
    five_wrong_codes_end_a_challenge_and_are_told,
    a_challenge_dies_with_the_password_and_with_time,
    a_device_named_after_the_factor_is_trusted,
    a_backup_code_works_once_and_is_told,
    a_step_up_renews_the_proof_of_its_session,
    who_has_no_factor_has_none_to_try,
    a_hundred_failures_put_a_factor_out_of_use,
    a_sent_code_is_bound_to_what_it_was_sent_for,
    a_login_by_factor_from_a_new_place_is_told)
