/* Setting up factors, their codes by mail and telephone, taking them away. */
#include "tests/unit/core/core.h"

#include "core/factor/factor_send.h"
#include "core/factor/factor_setup.h"
#include "core/factor/factor_verify.h"
#include "core/factor/device.h"

#define PHONE STR("+4930123456")

static void
offer_sms(void)
{
	config.sms_http_url = "https://sms.example/send";
}

static enum err
enable(const struct person *p, const char *kind, struct str code,
    struct backup_set *codes, bool *any)
{
	struct subject s = subject_of_account(&p->account);

	return factor_setup_enable(&x, &s, p->session->id, str_of(kind), code,
	    codes, any);
}

/* Give a person codes by mail to that address. */
static void
enable_mail(struct person *p, const char *to)
{
	struct subject s = subject_of_account(&p->account);
	struct backup_set codes;
	bool any;

	ck_ok(factor_setup_sent(&x, &s, p->session->id, STR("email"),
	    str_of(to)));
	ck_ok(enable(p, "email", core_mail("factor-code", to, "code"), &codes,
	    &any));
	p->session = core_session(p->tokens->access);
	p->account = p->session->account;
}

/* Rows TO1, TO3, TO9. */
START_TEST(a_secret_waits_and_counts_after_its_code)
{
	struct person p = core_person("ann");
	struct subject s = subject_of_account(&p.account);
	struct factor_setup f, again;
	struct factors live;

	ck_ok(factor_setup_totp(&x, &s, p.session->id, &f));
	ck_assert_uint_eq(f.secret.n, 32);
	ck_assert(str_starts(f.uri, STR("otpauth://totp/")));
	ck_assert_ptr_nonnull(strstr(f.uri.p, "ann@example.com?secret="));
	ck_ok(factor_list(&x, &s, &live));
	ck_assert_uint_eq(live.n, 0);
	ck_assert(!core_session(p.tokens->access)->
	    account.two_factor_enabled);
	/* the same to who asks again while it waits */
	ck_ok(factor_setup_totp(&x, &s, p.session->id, &again));
	ck_assert(str_eq(f.secret, again.secret));
	ck_assert(str_eq(f.codes.codes[0], again.codes.codes[0]));
	/* another session's is another one */
	ck_ok(factor_setup_totp(&x, &s, core_login("ann")->session_id,
	    &again));
	ck_assert(!str_eq(f.secret, again.secret));
	/* Row TO8: at rest neither secret nor codes are to be read. */
	ck_sql("0", "select position('%s'::bytea in pending_codes) from "
	    "factors",
	    arena_cstr(x.arena, again.codes.codes[0]));
}
END_TEST

START_TEST(names_are_escaped_for_authenticators)
{
	struct person p = core_person("ann");
	struct subject s = subject_of_account(&p.account);
	struct factor_setup f;

	config.name = "A: B & C";
	s.label = STR("ann:x?@example.com");
	ck_ok(factor_setup_totp(&x, &s, p.session->id, &f));
	ck_assert(str_starts(f.uri,
	    STR("otpauth://totp/A%20B%20%26%20C:annx%3F@example.com?")));
}
END_TEST

/* Rows TO12, BC1, TD3, LG11. */
START_TEST(enabling_ends_other_sessions_and_is_told)
{
	const struct credentials c = { .identifier = STR("ann"),
		.password = STR(PASSWORD), .remember_device = true };
	struct person p = core_person("ann");
	struct subject s = subject_of_account(&p.account);
	struct factors live;
	struct login other;

	ck_ok(login(&x, &c, &other));
	core_totp(&p);
	ck_err(core_alive(other.tokens->access), E_TOKEN_INVALID);
	ck_ok(core_alive(p.tokens->access));
	ck_assert(p.account.two_factor_enabled);
	ck_str(core_mail("factor", "ann@example.com", "enabled"), "true");
	ck_sql("0", "select count(*) from devices where revoked_at is null");
	ck_ok(factor_list(&x, &s, &live));
	ck_assert_uint_eq(live.n, 1);
	ck_str(live.list[0].kind, "totp");
	ck_assert_ptr_null(live.list[0].destination.p);
	ck_assert_int_eq(live.backup_codes, BACKUP_CODES);
	/* Row BC2: hashes alone. */
	ck_sql("10", "select count(*) from backup_codes where hash like "
	    "'sha256$%%'");
	ck_audit("2fa.enabled", 1);
}
END_TEST

/* Row TO1: five tries, ten minutes, and the session that asked. */
START_TEST(a_setup_takes_five_codes_ten_minutes_and_its_session)
{
	struct person p = core_person("ann");
	struct subject s = subject_of_account(&p.account);
	struct factor_setup f;
	struct backup_set codes;
	bool any;

	ck_err(enable(&p, "totp", STR("000000"), &codes, &any), E_CONFLICT);
	ck_ok(factor_setup_totp(&x, &s, p.session->id, &f));
	ck_err(factor_setup_enable(&x, &s, core_login("ann")->session_id,
	    STR("totp"), STR("000000"), &codes, &any), E_CONFLICT);
	for (int i = 0; i < 5; i++)
		ck_err(enable(&p, "totp", STR("abcdef"), &codes, &any),
		    E_BAD_CODE);
	ck_err(enable(&p, "totp", STR("abcdef"), &codes, &any), E_CONFLICT);
	ck_ok(factor_setup_totp(&x, &s, p.session->id, &f));
	core_sql("update factors set pending_until = now(), "
	    "pending_attempts = 0");
	ck_err(enable(&p, "totp", STR("abcdef"), &codes, &any), E_CONFLICT);
}
END_TEST

/* Rows TO3, TO8: what was sealed for another row proves nothing. */
START_TEST(a_secret_moved_to_another_row_does_not_open)
{
	struct person p = core_person("ann");
	struct str secret = core_totp(&p);
	struct subject s = subject_of_account(&p.account);
	struct factor_try t = { .code = core_code(secret, 1) };
	struct factor_proof proof;

	core_sql("update factors set id = gen_random_uuid()");
	ck_err(factor_verify(&x, &s, p.session, &t, &proof),
	    E_FACTOR_INVALID);
}
END_TEST

/* Rows OT1, OT2, OT3. */
START_TEST(a_code_by_mail_proves_its_setup)
{
	struct person p = core_person("ann");
	struct subject s = subject_of_account(&p.account);
	struct backup_set codes;
	struct factors live;
	struct str code;
	bool any;

	ck_ok(factor_setup_sent(&x, &s, p.session->id, STR("email"),
	    STR("box@example.org")));
	code = core_mail("factor-code", "box@example.org", "code");
	ck_assert_uint_eq(code.n, 6);
	ck_sql("32", "select octet_length(mac) from factor_codes");
	ck_err(enable(&p, "email", STR("abcdef"), &codes, &any), E_BAD_CODE);
	ck_ok(enable(&p, "email", code, &codes, &any));
	ck_assert(any); /* Row BC1: the first factor brings some */
	ck_ok(factor_list(&x, &s, &live));
	ck_assert_uint_eq(live.n, 1);
	ck_str(live.list[0].destination, "b\u2026@example.org");
	ck_assert_int_eq(live.backup_codes, BACKUP_CODES);
	ck_err(enable(&p, "email", code, &codes, &any), E_CONFLICT);
}
END_TEST

/* A second factor leaves the codes that are there. */
START_TEST(a_second_factor_brings_no_codes)
{
	struct person p = core_person("ann");
	struct subject s;
	struct backup_set codes;
	struct factors live;
	bool any;

	offer_sms();
	core_totp(&p);
	s = subject_of_account(&p.account);
	ck_ok(factor_setup_sent(&x, &s, p.session->id, STR("sms"), PHONE));
	ck_ok(enable(&p, "sms", core_mail("factor-code", PHONE.p, "code"),
	    &codes, &any));
	ck_assert(!any);
	ck_ok(factor_list(&x, &s, &live));
	ck_assert_uint_eq(live.n, 2);
	for (size_t i = 0; i < 2; i++)
		if (str_eq(live.list[i].kind, STR("sms")))
			ck_str(live.list[i].destination, "+49\u202656");
}
END_TEST

/* Row OT6. */
START_TEST(codes_are_sent_where_that_is_offered_and_to_no_administrator)
{
	struct person p = core_person("ann");
	struct subject s = subject_of_account(&p.account);

	ck_err(factor_setup_sent(&x, &s, p.session->id, STR("sms"), PHONE),
	    E_CONFLICT);
	ck_assert_ptr_nonnull(x.problem.sentence);
	ck_assert(factor_send_offers(&x, STR("email")));
	ck_assert(!factor_send_offers(&x, STR("sms")));
	ck_assert(!factor_send_offers(&x, STR("pigeon")));
	config.twilio_sid = config.twilio_token = "x";
	ck_assert(!factor_send_offers(&x, STR("sms")));
	config.twilio_from = "x";
	ck_assert(factor_send_offers(&x, STR("sms")));
	s.is_admin = true;
	ck_err(factor_setup_sent(&x, &s, p.session->id, STR("email"),
	    STR("box@example.org")), E_FORBIDDEN);
	ck_assert_int_eq(core_mails("factor-code", NULL), 0);
}
END_TEST

/* Row OT5: one form of a number, and countries of a list. */
START_TEST(a_telephone_number_is_brought_to_one_form)
{
	static const char *const bad[] = { "", "030 123456", "+0301234567",
		"+49 30", "+49 30 1234567890123", "+49 30 12x456",
		"++49301234", "+4930123456+" };
	struct str out;

	ck_ok(factor_send_phone(&x, STR("+49 (30) 123-4.5/6"), &out));
	ck_str(out, "+4930123456");
	ck_ok(factor_send_phone(&x, STR("+123456789012345"), &out));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		x.problem = (struct problem){ 0 };
		ck_err(factor_send_phone(&x, str_of(bad[i]), &out),
		    E_VALIDATION);
		ck_assert_str_eq(x.problem.field, "phone");
	}
	config.sms_countries = "+43, +49";
	ck_ok(factor_send_phone(&x, PHONE, &out));
	ck_err(factor_send_phone(&x, STR("+33123456789"), &out),
	    E_FORBIDDEN);
}
END_TEST

/* Row RL12: five an hour to one address, whoever asks. */
START_TEST(codes_to_one_address_are_bounded)
{
	struct str to = STR("box@example.org");

	for (int i = 0; i < 5; i++)
		ck_ok(factor_send_budget(&x, CODE_SETUP, text("who%d", i),
		    STR("email"), to));
	ck_err(factor_send_budget(&x, CODE_SETUP, STR("another"),
	    STR("email"), to), E_LIMITED);
	ck_assert_int_gt(x.problem.retry_after, 0);
	ck_assert_ptr_nonnull(x.problem.sentence);
	/* which takes nothing of a login's */
	ck_ok(factor_send_budget(&x, CODE_LOGIN, STR("who"), STR("email"),
	    to));
	/* nor does one who asks for many get more than ten */
	for (int i = 0; i < 10; i++)
		ck_ok(factor_send_budget(&x, CODE_METHOD, STR("one"),
		    STR("email"), text("%d@example.org", i)));
	ck_err(factor_send_budget(&x, CODE_METHOD, STR("one"), STR("email"),
	    STR("last@example.org")), E_LIMITED);
}
END_TEST

/* Row RL12: half of a day's SMS for anybody, a quarter kept for logins. */
START_TEST(sms_of_a_day_are_shared_out)
{
	config.sms_per_day = 4;
	config.sms_per_prefix = 100;
	for (int i = 0; i < 2; i++)
		ck_ok(factor_send_budget(&x, CODE_RECOVERY, text("a%d", i),
		    STR("sms"), text("+49301234%d", i)));
	ck_err(factor_send_budget(&x, CODE_RECOVERY, STR("a3"), STR("sms"),
	    STR("+4930123499")), E_LIMITED);
	ck_ok(factor_send_budget(&x, CODE_SETUP, STR("b"), STR("sms"),
	    STR("+4930123488")));
	ck_err(factor_send_budget(&x, CODE_SETUP, STR("b"), STR("sms"),
	    STR("+4930123477")), E_LIMITED);
	ck_ok(factor_send_budget(&x, CODE_LOGIN, STR("c"), STR("sms"),
	    STR("+4930123466")));
	ck_err(factor_send_budget(&x, CODE_LOGIN, STR("d"), STR("sms"),
	    STR("+4930123455")), E_LIMITED);
}
END_TEST

START_TEST(numbers_of_one_country_share_a_budget)
{
	config.sms_per_day = 100;
	config.sms_per_prefix = 1;
	ck_ok(factor_send_budget(&x, CODE_LOGIN, STR("a"), STR("sms"),
	    STR("+4930123451")));
	ck_err(factor_send_budget(&x, CODE_LOGIN, STR("b"), STR("sms"),
	    STR("+4930123452")), E_LIMITED);
	ck_ok(factor_send_budget(&x, CODE_LOGIN, STR("c"), STR("sms"),
	    STR("+3310123452")));
}
END_TEST

/* A code is sent at login where there is no application; then a pause. */
START_TEST(the_first_code_of_a_login_is_on_its_way)
{
	const struct credentials c = { .identifier = STR("ann"),
		.password = STR(PASSWORD) };
	struct person p = core_person("ann");
	struct subject s;
	struct factor_sent sent;
	struct login l;
	struct str id;

	enable_mail(&p, "box@example.org");
	s = subject_of_account(&p.account);
	core_sql("delete from jobs");
	ck_ok(login(&x, &c, &l));
	ck_str(l.challenge->methods, "email,backup");
	ck_assert(l.challenge->code_sent);
	ck_assert_int_eq(l.challenge->again_in, 30);
	ck_assert_int_eq(core_mails("factor-code", "box@example.org"), 1);
	ck_assert(challenge_open(&x, l.challenge->token, &id));
	ck_ok(factor_send(&x, &s, STR("email"), text("challenge:%.*s",
	    STR_FMT(id)), &sent));
	ck_assert(!sent.sent && sent.again_in > 0 && sent.again_in <= 31);
	ck_assert_int_eq(core_mails("factor-code", NULL), 1);
	/* another challenge waits for nobody */
	ck_ok(factor_send(&x, &s, STR("email"), STR("session:x"), &sent));
	ck_assert(sent.sent);
	ck_err(factor_send(&x, &s, STR("sms"), STR("session:x"), &sent),
	    E_CONFLICT);
	ck_err(factor_send(&x, &s, STR("totp"), STR("session:x"), &sent),
	    E_CONFLICT);
}
END_TEST

/* Rows TO2, TD3, LG11: told, and with the last one the codes go. */
START_TEST(disabling_takes_what_is_named_or_all)
{
	struct person p = core_person("ann");
	struct subject s;
	struct factors live;

	core_totp(&p);
	enable_mail(&p, "box@example.org");
	s = subject_of_account(&p.account);
	core_sql("delete from jobs");
	core_by(p.session);
	ck_err(factor_disable(&x, &s, STR("sms"), p.account.id), E_CONFLICT);
	ck_ok(factor_disable(&x, &s, STR("totp"), p.account.id));
	ck_ok(factor_list(&x, &s, &live));
	ck_assert_uint_eq(live.n, 1);
	ck_assert_int_eq(live.backup_codes, BACKUP_CODES);
	ck_str(core_mail("factor", "ann@example.com", "disabled"), "true");
	ck_str(core_mail("factor", "ann@example.com", "totp"), "true");
	ck_ok(factor_disable(&x, &s, STR_NONE, p.account.id));
	ck_ok(factor_list(&x, &s, &live));
	ck_assert(live.n == 0 && live.backup_codes == 0);
	ck_assert(!core_session(p.tokens->access)->
	    account.two_factor_enabled);
	ck_err(factor_disable(&x, &s, STR_NONE, p.account.id), E_CONFLICT);
	ck_audit("2fa.disabled", 2);
}
END_TEST

/* Row RC5: by another who may, written down. */
START_TEST(an_administrator_resets_the_factors_of_another)
{
	struct person boss = core_holder("boss", "admin"),
	    p = core_person("ann"), b = core_person("bob");

	core_totp(&p);
	core_by(b.session);
	ck_err(factor_reset(&x, b.account.id, p.account.id), E_FORBIDDEN);
	core_by(boss.session);
	ck_err(factor_reset(&x, boss.account.id, boss.account.id),
	    E_FORBIDDEN);
	ck_said("your own account");
	ck_err(factor_reset(&x, boss.account.id, STR("77777")), E_NOT_FOUND);
	core_sql("delete from jobs");
	ck_ok(factor_reset(&x, boss.account.id,
	    arena_int(x.arena, p.account.numeric_id)));
	ck_err(core_alive(p.tokens->access), E_TOKEN_INVALID);
	ck_assert_int_eq(core_mails("factor", "ann@example.com"), 1);
	ck_sql("f", "select two_factor_enabled from users where username = "
	    "'ann'");
}
END_TEST

/* Row BC4. */
START_TEST(new_backup_codes_void_the_old_ones)
{
	struct person p = core_person("ann");
	struct subject s = subject_of_account(&p.account);
	struct backup_set one, two;
	struct factor_try t = { .backup_only = true };
	struct factor_proof proof;

	ck_err(factor_backup_renew(&x, &s, &one), E_CONFLICT);
	core_totp(&p);
	ck_ok(factor_backup_renew(&x, &s, &one));
	ck_str(core_mail("factor", "ann@example.com", "codes"), "true");
	t.code = one.codes[0];
	ck_ok(factor_verify(&x, &s, p.session, &t, &proof));
	ck_ok(factor_backup_renew(&x, &s, &two));
	t.code = one.codes[1];
	ck_err(factor_verify(&x, &s, p.session, &t, &proof),
	    E_FACTOR_INVALID);
	t.code = two.codes[1];
	ck_ok(factor_verify(&x, &s, p.session, &t, &proof));
	ck_assert_int_eq(proof.backup_codes, BACKUP_CODES - 1);
}
END_TEST

/* Row TO11. */
START_TEST(a_role_that_must_have_a_factor_misses_it)
{
	struct account u = { .roles = STR("support,user") };

	config.factor_roles = "admin, support";
	ck_assert(account_unenrolled(&x, &u));
	u.two_factor_enabled = true;
	ck_assert(!account_unenrolled(&x, &u));
	u = (struct account){ .roles = STR("supporter,user") };
	ck_assert(!account_unenrolled(&x, &u));
	config.factor_roles = "";
	u.roles = STR("support");
	ck_assert(!account_unenrolled(&x, &u));
}
END_TEST

/* Rows TO2, TD2: of who has a factor a password alone is no proof. */
START_TEST(a_recent_proof_is_by_the_factor_where_there_is_one)
{
	struct session s = { .amr = STR("pwd"), .proved_at = clock_wall() };

	ck_assert(factor_recent(&s));
	s.account.two_factor_enabled = true;
	ck_assert(!factor_recent(&s));
	s.amr = STR("pwd otp");
	ck_assert(factor_recent(&s));
	s.amr = STR("pwd backup");
	ck_assert(factor_recent(&s));
	s.proved_at -= 601 * CLOCK_SECOND;
	ck_assert(!factor_recent(&s));
	ck_assert(!factor_proved(&s, 300 * CLOCK_SECOND));
	ck_assert(factor_proved(&s, 700 * CLOCK_SECOND));
}
END_TEST

/* Rows TO13, AK9. */
START_TEST(a_key_speaks_for_the_subjects_of_its_owner)
{
	struct person p = core_person("ann"), b = core_person("bob");
	struct api_key hers = { .user_id = p.account.id,
		.scopes = STR("2fa:write") }, his = hers;
	struct subject s, t;

	his.user_id = b.account.id;
	ck_err(subject_of_key(&x, &hers, STR(""), true, &s), E_VALIDATION);
	ck_assert_str_eq(x.problem.field, "user_id");
	ck_err(subject_of_key(&x, &hers, STR("u1"), false, &s), E_NOT_FOUND);
	ck_err(subject_of_key(&x, &(struct api_key){ .user_id =
	    p.account.id }, STR("u1"), true, &s), E_SCOPE);
	ck_ok(subject_of_key(&x, &hers, STR("u1"), true, &s));
	ck_ok(subject_of_key(&x, &hers, STR("u1"), false, &t));
	ck_assert(str_eq(s.id, t.id));
	ck_assert(s.user_id.n == 0 && str_eq(s.owner_id, p.account.id));
	ck_err(subject_of_key(&x, &his, STR("u1"), false, &t), E_NOT_FOUND);
	ck_ok(subject_of_key(&x, &his, STR("u1"), true, &t));
	ck_assert(!str_eq(s.id, t.id));
	config.subjects_max = 1;
	ck_err(subject_of_key(&x, &hers, STR("u2"), true, &s), E_VALIDATION);
	ck_ok(subject_of_key(&x, &hers, STR("u1"), true, &s));
}
END_TEST

/* A subject of an application has factors as a user has, and no mails. */
START_TEST(the_factors_of_a_subject_are_no_users)
{
	struct person p = core_person("ann");
	struct api_key k = { .user_id = p.account.id,
		.scopes = STR("2fa:write") };
	struct factor_setup f;
	struct subject s;
	struct backup_set codes;
	struct factor_proof proof;
	struct factor_try t = { .remember = true };
	bool any;

	ck_ok(subject_of_key(&x, &k, STR("u1"), true, &s));
	ck_ok(factor_setup_totp(&x, &s, STR_NONE, &f));
	ck_ok(factor_setup_sent(&x, &s, STR_NONE, STR("email"),
	    STR("u1@example.org")));
	ck_ok(factor_setup_enable(&x, &s, STR_NONE, STR("email"),
	    core_mail("factor-code", "u1@example.org", "code"), &codes,
	    &any));
	ck_assert_int_eq(core_mails("factor", NULL), 0);
	ck_assert(!core_session(p.tokens->access)->
	    account.two_factor_enabled);
	t.code = codes.codes[3];
	ck_ok(factor_verify(&x, &s, NULL, &t, &proof));
	ck_assert_ptr_null(proof.device_token.p);
	ck_assert_int_eq(core_mails("factor", NULL), 0);
}
END_TEST

/* Row TD1: his own, by name, until forgotten. */
START_TEST(devices_are_listed_renamed_and_forgotten_by_their_user)
{
	const struct credentials c = { .identifier = STR("ann"),
		.password = STR(PASSWORD), .remember_device = true };
	struct person p = core_person("ann"), b = core_person("bob");
	struct device *d;
	struct login l;
	size_t n;

	ck_ok(login(&x, &c, &l));
	ck_ok(login(&x, &c, &l));
	ck_ok(device_list(&x, p.account.id, &d, &n));
	ck_assert_uint_eq(n, 2);
	ck_str(d[0].name, "check"); /* the user agent */
	ck_assert(d[0].expires_at > clock_wall());
	ck_err(device_rename(&x, b.account.id, d[0].id, STR("mine")),
	    E_NOT_FOUND);
	ck_err(device_forget(&x, b.account.id, d[0].id), E_NOT_FOUND);
	ck_ok(device_rename(&x, p.account.id, d[0].id, STR("desk")));
	ck_sql("1", "select count(*) from devices where name = 'desk'");
	ck_ok(device_forget(&x, p.account.id, d[0].id));
	ck_err(device_forget(&x, p.account.id, d[0].id), E_NOT_FOUND);
	ck_ok(device_forget(&x, p.account.id, STR_NONE));
	ck_ok(device_forget(&x, p.account.id, STR_NONE));
	ck_ok(device_list(&x, p.account.id, &d, &n));
	ck_assert_uint_eq(n, 0);
}
END_TEST

CORE_TESTS(factor_setup, a_secret_waits_and_counts_after_its_code,
    names_are_escaped_for_authenticators,
    enabling_ends_other_sessions_and_is_told,
    a_setup_takes_five_codes_ten_minutes_and_its_session,
    a_secret_moved_to_another_row_does_not_open,
    a_code_by_mail_proves_its_setup, a_second_factor_brings_no_codes,
    codes_are_sent_where_that_is_offered_and_to_no_administrator,
    a_telephone_number_is_brought_to_one_form,
    codes_to_one_address_are_bounded, sms_of_a_day_are_shared_out,
    numbers_of_one_country_share_a_budget,
    the_first_code_of_a_login_is_on_its_way,
    disabling_takes_what_is_named_or_all,
    an_administrator_resets_the_factors_of_another,
    new_backup_codes_void_the_old_ones,
    a_role_that_must_have_a_factor_misses_it,
    a_recent_proof_is_by_the_factor_where_there_is_one,
    a_key_speaks_for_the_subjects_of_its_owner,
    the_factors_of_a_subject_are_no_users,
    devices_are_listed_renamed_and_forgotten_by_their_user)
