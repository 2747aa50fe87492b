/* Accounts: how they begin, are proved, change and end. */
#include "tests/unit/core/core.h"

#include "core/account/account.h"
#include "core/account/email_change.h"
#include "core/account/erase.h"
#include "core/account/password_change.h"
#include "core/account/proof.h"
#include "core/idempotency.h"
#include "core/recovery/recovery_method.h"

static enum err
join(const char *name, const char *email, struct account *out)
{
	const struct registration r = { .username = str_of(name),
		.email = str_of(email), .password = STR(PASSWORD) };
	struct tokens *t;

	x.problem = (struct problem){ 0 };
	return account_register(&x, &r, out, &t);
}

static enum err
prove(struct proof p, struct account *out, bool *without)
{
	x.problem = (struct problem){ 0 };
	return proof_confirm(&x, &p, out, without);
}

static struct str
code_of(const char *email)
{
	return core_mail("verify", email, "code");
}

/* Rows PW1, PW4: nothing is made of a bad password. */
START_TEST(a_password_is_judged_before_anything_is_made)
{
	static const char *const bad[] = { "short", "password123",
		"ann-lee-1", "aaaaaaaaaaaa" };
	struct registration r = { .username = STR("ann-lee"),
		.email = STR("ann-lee@example.com") };
	struct account u;
	struct tokens *t;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		r.password = str_of(bad[i]);
		ck_err(account_register(&x, &r, &u, &t), E_VALIDATION);
		ck_assert_str_eq(x.problem.field, "password");
		ck_assert_ptr_nonnull(x.problem.sentence);
	}
	ck_sql("0", "select count(*) from users");
}
END_TEST

/* Row LG10: being first makes nobody an administrator. */
START_TEST(a_new_account_has_the_default_role)
{
	struct account u;

	ck_ok(join("ann", "ann@example.com", &u));
	ck_str(u.roles, "user");
	ck_sql("user", "select array_to_string(roles, ',') from users");
	ck_assert(!u.is_verified);
	ck_assert_uint_eq(code_of("ann@example.com").n, 6);
}
END_TEST

START_TEST(without_verification_a_welcome_is_mailed)
{
	struct account u;

	config.email_verification = "off";
	ck_ok(join("ann", "ann@example.com", &u));
	ck_assert(u.is_verified);
	ck_assert_int_eq(core_mails("welcome", "ann@example.com"), 1);
	ck_assert_int_eq(core_mails("verify", NULL), 0);
}
END_TEST

/* Row RE8. */
START_TEST(the_same_key_makes_one_account)
{
	struct account one, two;

	x.idempotency_seed = uuid_text(x.arena, uuid_v7());
	ck_ok(join("ann", "ann@example.com", &one));
	ck_ok(join("ann", "ann@example.com", &two));
	ck_assert(str_eq(one.id, two.id));
	ck_sql("1", "select count(*) from users");
}
END_TEST

START_TEST(first_and_last_make_a_full_name)
{
	struct registration r = { .first_name = STR("Ann") };

	ck_str(account_full_name(&x, &r), "Ann");
	r.last_name = STR("Lee");
	ck_str(account_full_name(&x, &r), "Ann Lee");
	r.first_name = STR_NONE;
	ck_str(account_full_name(&x, &r), "Lee");
	r.full_name = STR("Dr Lee");
	ck_str(account_full_name(&x, &r), "Dr Lee");
	r = (struct registration){ 0 };
	ck_assert_ptr_null(account_full_name(&x, &r).p);
}
END_TEST

/* Row HT4: nobody is greeted by a name before the address is proved. */
START_TEST(a_greeting_needs_a_proved_address)
{
	struct account u = { .username = STR("ann"),
		.full_name = STR("Ann Lee"), .first_name = STR("Ann") };

	ck_assert_ptr_null(account_greeting(&u).p);
	u.is_verified = true;
	ck_str(account_greeting(&u), "Ann Lee");
	u.full_name = STR_NONE;
	ck_str(account_greeting(&u), "Ann");
	u.first_name = STR_NONE;
	ck_str(account_greeting(&u), "ann");
}
END_TEST

START_TEST(a_profile_changes_as_far_as_is_given)
{
	struct person p = core_person("ann");
	struct registration r = { .first_name = STR("Ann"),
		.last_name = STR("Lee") };
	struct account u;

	core_person("bob");
	ck_ok(account_update(&x, p.account.id, &r, &u));
	ck_str(u.full_name, "Ann Lee");
	ck_str(u.username, "ann");
	r = (struct registration){ .username = STR("Anna") };
	ck_ok(account_update(&x, p.account.id, &r, &u));
	ck_str(u.username, "Anna");
	ck_str(u.first_name, "Ann");
	r.username = STR("BOB");
	ck_err(account_update(&x, p.account.id, &r, &u), E_USERNAME_TAKEN);
	ck_err(account_update(&x, uuid_text(x.arena, uuid_v7()), &r, &u),
	    E_NOT_FOUND);
	ck_err(account_find(&x, uuid_text(x.arena, uuid_v7()), &u, NULL),
	    E_NOT_FOUND);
}
END_TEST

/* Rows LG3, LG7: the owner is told, of the stranger nothing is kept. */
START_TEST(a_proved_address_that_registers_again_is_told)
{
	struct account u;

	core_person("ann");
	config.email_verification = "required";
	ck_ok(join("other", "ann@example.com", &u));
	ck_assert_int_eq(core_mails("already-registered",
	    "ann@example.com"), 1);
	ck_assert(u.id.n && u.numeric_id > 0 && u.created_at > 0);
	ck_sql("1", "select count(*) from users");
	ck_err(join("ann", "new@example.com", &u), E_USERNAME_TAKEN);
	ck_err(join("ann", "ann@example.com", &u), E_USERNAME_TAKEN);
}
END_TEST

/* Row LG7: the code and the registration together make an owner. */
START_TEST(a_code_with_its_token_keeps_what_was_registered)
{
	struct account u, out;
	bool without;

	ck_ok(join("ann", "ann@example.com", &u));
	ck_err(prove((struct proof){ .email = u.email,
	    .otp = code_of("ann@example.com"), .token = proof_token(&x,
	    uuid_text(x.arena, uuid_v7())) }, &out, &without), E_BAD_TOKEN);
	ck_err(prove((struct proof){ .email = u.email, .token = STR("x"),
	    .otp = code_of("ann@example.com") }, &out, &without),
	    E_BAD_TOKEN);
	ck_ok(prove((struct proof){ .email = u.email,
	    .otp = code_of("ann@example.com"),
	    .token = proof_token(&x, u.id) }, &out, &without));
	ck_assert(out.is_verified && !without);
	ck_assert_int_eq(core_mails("welcome", "ann@example.com"), 1);
	ck_assert_int_eq(core_mails("set-password", NULL), 0);
	core_login("ann");
	ck_assert_ptr_null(proof_token(&x, STR("no id")).p);
}
END_TEST

/* Row LG7: the code alone shows who reads the mailbox, no more. */
START_TEST(a_code_alone_drops_what_a_stranger_may_have_made)
{
	struct account u, out;
	const struct credentials c = { .identifier = STR("ann"),
		.password = STR(PASSWORD) };
	struct login l;
	bool without;

	ck_ok(join("bob", "bob@example.com", &u));
	ck_ok(prove((struct proof){ .email = u.email,
	    .otp = code_of("bob@example.com") }, &out, &without));
	ck_assert(!without); /* nobody else ever said it were his */
	ck_sql("0", "select count(*) from sessions where ended_at is null");
	core_login("bob");
	core_sql("delete from sessions");
	ck_ok(join("ann", "ann@example.com", &u));
	ck_err(join("eve", "ann@example.com", &out), E_EMAIL_TAKEN);
	ck_ok(prove((struct proof){ .email = u.email,
	    .otp = code_of("ann@example.com") }, &out, &without));
	ck_assert(without);
	ck_sql("0", "select count(*) from sessions where ended_at is null");
	ck_err(login(&x, &c, &l), E_CREDENTIALS);
	ck_ok(password_reset_confirm(&x, core_mail("set-password",
	    "ann@example.com", "token"), STR("Other-Horse-8")));
}
END_TEST

START_TEST(a_code_with_the_password_or_in_the_session_keeps_it)
{
	struct account u, out;
	bool without;

	ck_ok(join("ann", "ann@example.com", &u));
	ck_err(prove((struct proof){ .email = u.email,
	    .otp = code_of("ann@example.com"),
	    .password = STR("Wrong-Horse-7") }, &out, &without),
	    E_WRONG_PASSWORD);
	ck_ok(prove((struct proof){ .email = u.email, .password =
	    STR(PASSWORD), .otp = code_of("ann@example.com") }, &out,
	    &without));
	ck_assert(!without);
	ck_ok(join("bob", "bob@example.com", &u));
	ck_ok(prove((struct proof){ .email = u.email, .session_of = u.id,
	    .otp = code_of("bob@example.com") }, &out, &without));
	ck_assert(!without);
	ck_sql("2", "select count(*) from sessions where ended_at is null");
}
END_TEST

/* Row LG7: of several registrations the one that is shown wins. */
START_TEST(a_later_registration_may_be_the_owners)
{
	const struct registration r = { .username = STR("owner"),
		.email = STR("ann@example.com"),
		.password = STR("Other-Horse-8") };
	struct account first, second, out;
	struct tokens *t;
	struct str code;
	bool without;

	config.email_verification = "required";
	ck_ok(join("ann", "ann@example.com", &first));
	ck_ok(account_register(&x, &r, &second, &t));
	code = code_of("ann@example.com");
	ck_ok(prove((struct proof){ .email = r.email, .otp = code,
	    .password = STR("Other-Horse-8") }, &out, &without));
	ck_str(out.username, "owner");
	ck_assert(!without);
	ck_sql("1", "select count(*) from users");
	core_sql("delete from users");
	ck_ok(join("ann", "ann@example.com", &first));
	ck_ok(account_register(&x, &r, &second, &t));
	ck_ok(prove((struct proof){ .email = r.email,
	    .otp = code_of("ann@example.com"),
	    .token = proof_token(&x, second.id) }, &out, &without));
	ck_str(out.username, "owner");
}
END_TEST

/* Row OT4: fifteen tries an hour over all codes. */
START_TEST(tries_are_bounded_over_new_codes)
{
	struct account u, out;
	bool without;

	ck_ok(join("ann", "ann@example.com", &u));
	for (int i = 0; i < 15; i++)
		ck_err(prove((struct proof){ .email = u.email,
		    .otp = STR("abcdef") }, &out, &without), E_BAD_CODE);
	core_sql("update one_time set attempts = 0");
	ck_err(prove((struct proof){ .email = u.email,
	    .otp = code_of("ann@example.com") }, &out, &without),
	    E_LIMITED);
	ck_assert_int_gt(x.problem.retry_after, 0);
	ck_err(prove((struct proof){ .email = STR("no@example.com"),
	    .otp = STR("123456") }, &out, &without), E_BAD_CODE);
}
END_TEST

/* Rows LG3, OT1: the one before is void, known and unknown alike. */
START_TEST(a_code_is_sent_again_to_who_needs_one)
{
	struct account u, out;
	struct str first;
	bool without;

	ck_ok(join("ann", "ann@example.com", &u));
	first = code_of("ann@example.com");
	ck_ok(proof_resend(&x, u.email));
	ck_assert_int_eq(core_mails("verify", "ann@example.com"), 2);
	ck_err(prove((struct proof){ .email = u.email, .otp = first,
	    .token = proof_token(&x, u.id) }, &out, &without), E_BAD_CODE);
	ck_ok(proof_resend(&x, STR("no@example.com")));
	ck_ok(prove((struct proof){ .email = u.email,
	    .otp = code_of("ann@example.com"),
	    .token = proof_token(&x, u.id) }, &out, &without));
	ck_ok(proof_resend(&x, u.email));
	ck_assert_int_eq(core_mails("verify", NULL), 2);
	config.rate_limiting = true;
	config.mail_interval = 0;
	for (int i = 0; i < 5; i++)
		ck_ok(proof_resend(&x, STR("some@example.com")));
	ck_err(proof_resend(&x, STR("some@example.com")), E_LIMITED);
}
END_TEST

/* Row PW8. */
START_TEST(a_changed_password_is_told_and_forgets_devices)
{
	const struct credentials c = { .identifier = STR("ann"),
		.password = STR(PASSWORD), .remember_device = true };
	struct person p = core_person("ann");
	struct login l;

	ck_ok(login(&x, &c, &l));
	ck_ok(password_reset_request(&x, p.account.email));
	ck_err(password_change(&x, p.session, STR(PASSWORD), STR(PASSWORD)),
	    E_VALIDATION);
	ck_said("differ");
	ck_ok(password_change(&x, p.session, STR(PASSWORD),
	    STR("Other-Horse-8")));
	ck_ok(core_alive(p.tokens->access));
	ck_err(core_alive(l.tokens->access), E_TOKEN_INVALID);
	ck_assert_int_eq(core_mails("password-changed",
	    "ann@example.com"), 1);
	ck_sql("0", "select count(*) from devices where revoked_at is null");
	ck_err(password_reset_confirm(&x, core_mail("reset", NULL, "token"),
	    STR("Third-Horse-9")), E_BAD_TOKEN);
	ck_audit("password.change", 1);
}
END_TEST

START_TEST(where_configured_a_change_takes_the_factor_too)
{
	struct person p = core_person("ann");

	config.password_factor = true;
	core_totp(&p);
	p.session->amr = STR("pwd");
	ck_err(password_change(&x, p.session, STR(PASSWORD),
	    STR("Other-Horse-8")), E_REAUTH_REQUIRED);
	p.session->amr = STR("pwd otp");
	ck_ok(password_change(&x, p.session, STR(PASSWORD),
	    STR("Other-Horse-8")));
}
END_TEST

/* Rows LG3, PR1, PR3. */
START_TEST(a_link_is_mailed_to_an_account_that_is_there)
{
	struct person p = core_person("ann");

	ck_ok(password_reset_request(&x, STR("no@example.com")));
	ck_sql("0", "select count(*) from jobs");
	core_sql("update users set is_active = false");
	ck_ok(password_reset_request(&x, p.account.email));
	ck_sql("0", "select count(*) from jobs");
	core_sql("update users set is_active = true");
	ck_ok(password_reset_request(&x, p.account.email));
	ck_assert(str_starts(core_mail("reset", "ann@example.com", "link"),
	    STR("https://id.example.com/reset-password?token=")));
	config.rate_limiting = true;
	config.limit_reset = 2;
	for (int i = 0; i < 4; i++) /* enough is no error, and no mail */
		ck_ok(password_reset_request(&x, p.account.email));
	ck_assert_int_eq(core_mails("reset", NULL), 3);
}
END_TEST

/* Rows PR2, PR6: an hour, and of this kind. */
START_TEST(a_link_that_ran_out_is_none)
{
	struct person p = core_person("ann");

	ck_err(password_reset_confirm(&x, STR("pwr_x"),
	    STR("Other-Horse-8")), E_BAD_TOKEN);
	ck_err(password_reset_confirm(&x, token_make(x.arena, x.keys,
	    TOKEN_RESET, uuid_v7(), 0), STR("Other-Horse-8")), E_BAD_TOKEN);
	ck_ok(password_reset_request(&x, p.account.email));
	core_sql("update one_time set expires_at = now()");
	ck_err(password_reset_confirm(&x, core_mail("reset", NULL, "token"),
	    STR("Other-Horse-8")), E_BAD_TOKEN);
}
END_TEST

/* Row PR5: the factor is asked for as before; LG7: or was a stranger's. */
START_TEST(a_reset_keeps_the_factor_of_who_had_proved_the_address)
{
	const struct credentials c = { .identifier = STR("ann"),
		.password = STR("Other-Horse-8") };
	struct person p = core_person("ann");
	struct login l;

	core_totp(&p);
	ck_ok(password_reset_request(&x, p.account.email));
	ck_ok(password_reset_confirm(&x, core_mail("reset", NULL, "token"),
	    STR("Other-Horse-8")));
	ck_ok(login(&x, &c, &l));
	ck_assert_ptr_nonnull(l.challenge);
	core_sql("update users set is_verified = false, verified_at = null");
	ck_ok(password_reset_request(&x, p.account.email));
	ck_ok(password_reset_confirm(&x, core_mail("reset", NULL, "token"),
	    STR("Other-Horse-8")));
	ck_ok(login(&x, &c, &l));
	ck_assert_ptr_null(l.challenge);
	ck_assert(l.account.is_verified);
}
END_TEST

/* Rows EC1, EC4, EC5, PR1. */
START_TEST(an_address_moves_when_the_new_one_is_proved)
{
	struct person p = core_person("ann"), b = core_person("bob");
	struct account out;
	struct str token;

	core_by(p.session);
	ck_err(email_change_request(&x, &p.account, p.account.email),
	    E_VALIDATION);
	ck_assert_str_eq(x.problem.field, "new_email");
	ck_ok(email_change_request(&x, &p.account, STR("new@example.org")));
	token = core_mail("email-change", "new@example.org", "token");
	ck_assert(str_starts(core_mail("email-change", NULL, "link"),
	    STR("https://id.example.com/change-email?token=")));
	ck_str(core_mail("email-change-notice", "ann@example.com",
	    "new_email"), "n\u2026@example.org");
	core_login("ann@example.com");
	ck_err(email_change_confirm(&x, &b.account, token, &out),
	    E_BAD_TOKEN);
	ck_err(email_change_confirm(&x, &p.account, STR("pem_x"), &out),
	    E_BAD_TOKEN);
	ck_ok(email_change_confirm(&x, &p.account, token, &out));
	ck_str(out.email, "new@example.org");
	ck_assert(out.is_verified);
	core_login("new@example.org");
	ck_assert_int_eq(core_mails("email-changed", "ann@example.com"), 1);
	ck_err(email_change_confirm(&x, &out, token, &out), E_BAD_TOKEN);
}
END_TEST

/* Rows LG3, EC3. */
START_TEST(an_address_of_another_is_told_to_him_alone)
{
	struct person p = core_person("ann");
	struct account out;
	struct str token;

	core_by(p.session);
	core_person("bob");
	core_by(p.session);
	ck_ok(email_change_request(&x, &p.account, STR("bob@example.com")));
	ck_assert_int_eq(core_mails("already-registered",
	    "bob@example.com"), 1);
	ck_assert_int_eq(core_mails("email-change", NULL), 0);
	ck_ok(email_change_request(&x, &p.account, STR("eve@example.com")));
	token = core_mail("email-change", NULL, "token");
	core_by(NULL);
	ck_ok(join("eve", "eve@example.com", &out));
	ck_err(email_change_confirm(&x, &p.account, token, &out),
	    E_EMAIL_TAKEN);
}
END_TEST

/* Rows EC1, EC2. */
START_TEST(the_old_address_takes_it_back)
{
	struct person p = core_person("ann");
	struct account out;
	struct str undo;
	const struct credentials c = { .identifier = STR("ann"),
		.password = STR(PASSWORD) };
	struct login l;

	ck_ok(email_change_request(&x, &p.account, STR("new@example.org")));
	ck_ok(email_change_confirm(&x, &p.account, core_mail("email-change",
	    NULL, "token"), &out));
	undo = core_mail("email-changed", "ann@example.com", "token");
	ck_err(email_change_undo(&x, STR("pun_x")), E_BAD_TOKEN);
	ck_err(email_change_undo(&x, token_make(x.arena, x.keys, TOKEN_UNDO,
	    uuid_v7(), 0)), E_BAD_TOKEN);
	ck_err(join("eve", "ann@example.com", &out), E_EMAIL_TAKEN);
	ck_ok(email_change_undo(&x, undo));
	ck_sql("ann@example.com", "select email from users");
	ck_err(core_alive(p.tokens->access), E_TOKEN_INVALID);
	ck_assert_int_eq(core_mails("email-restored",
	    "ann@example.com"), 1);
	/* and the password is to be set anew */
	ck_err(login(&x, &c, &l), E_CREDENTIALS);
	ck_err(email_change_undo(&x, undo), E_BAD_TOKEN);
}
END_TEST

START_TEST(five_changes_an_hour_are_asked_for)
{
	struct person p = core_person("ann");

	config.rate_limiting = true;
	for (int i = 0; i < 5; i++)
		ck_ok(email_change_request(&x, &p.account,
		    text("%d@example.org", i)));
	ck_err(email_change_request(&x, &p.account, STR("6@example.org")),
	    E_LIMITED);
}
END_TEST

/* Rows PV1, RB4. */
START_TEST(an_account_is_to_be_erased_unless_it_is_the_last_of_its_kind)
{
	struct person p = core_person("ann"), root = core_holder("root",
	    "super_admin");
	int64_t at;

	ck_ok(erase_request(&x, &p.account, &at));
	ck_assert(at > clock_wall() + config.erase_after - 60 *
	    CLOCK_SECOND);
	ck_err(core_alive(p.tokens->access), E_TOKEN_INVALID);
	ck_assert_int_eq(core_mails("erase", "ann@example.com"), 1);
	/* who logs in before has thought better of it */
	core_login("ann");
	ck_sql("t", "select erase_at is null from users where username = "
	    "'ann'");
	ck_err(erase_request(&x, &root.account, &at), E_CONFLICT);
	ck_said("last super");
	ck_ok(core_alive(root.tokens->access));
}
END_TEST

/* Row PV2: what is held, and no secret of it. */
START_TEST(an_export_has_all_that_is_held)
{
	static const char *const names[] = { "profile", "sessions", "devices",
		"api_keys", "webhooks", "recovery_methods", "factors",
		"subjects", "audit" };
	struct person p = core_person("ann");
	struct recovery_method m;
	struct str json;
	cJSON *o;

	core_totp(&p);
	ck_ok(recovery_method_add(&x, &p.account, STR("email"),
	    STR("box@example.org"), &m));
	ck_ok(erase_export(&x, p.account.id, &o));
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		ck_assert_ptr_nonnull(json_get(o, names[i]));
	ck_str(json_text(json_get(json_get(o, "profile"), "email")),
	    "ann@example.com");
	ck_assert_int_eq(cJSON_GetArraySize(json_get(o, "sessions")), 1);
	ck_assert_int_eq(cJSON_GetArraySize(json_get(o,
	    "recovery_methods")), 1);
	json = json_print(x.arena, o);
	ck_assert_ptr_null(strstr(arena_cstr(x.arena, json), "argon2"));
	ck_assert_ptr_null(strstr(arena_cstr(x.arena, json), "secret\""));
}
END_TEST

CORE_TESTS(account, a_password_is_judged_before_anything_is_made,
    a_new_account_has_the_default_role,
    without_verification_a_welcome_is_mailed,
    the_same_key_makes_one_account, first_and_last_make_a_full_name,
    a_greeting_needs_a_proved_address, a_profile_changes_as_far_as_is_given,
    a_proved_address_that_registers_again_is_told,
    a_code_with_its_token_keeps_what_was_registered,
    a_code_alone_drops_what_a_stranger_may_have_made,
    a_code_with_the_password_or_in_the_session_keeps_it,
    a_later_registration_may_be_the_owners,
    tries_are_bounded_over_new_codes,
    a_code_is_sent_again_to_who_needs_one,
    a_changed_password_is_told_and_forgets_devices,
    where_configured_a_change_takes_the_factor_too,
    a_link_is_mailed_to_an_account_that_is_there,
    a_link_that_ran_out_is_none,
    a_reset_keeps_the_factor_of_who_had_proved_the_address,
    an_address_moves_when_the_new_one_is_proved,
    an_address_of_another_is_told_to_him_alone,
    the_old_address_takes_it_back, five_changes_an_hour_are_asked_for,
    an_account_is_to_be_erased_unless_it_is_the_last_of_its_kind,
    an_export_has_all_that_is_held)
