/* The rules against the real store, Redis left out: Postgres decides. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <sodium.h>

#include "base/clock.h"
#include "base/encoding.h"
#include "base/json/json.h"
#include "base/log.h"
#include "core/access/api_key.h"
#include "core/access/role.h"
#include "core/account/account_register.h"
#include "core/account/password_change.h"
#include "core/account/proof.h"
#include "core/idempotency.h"
#include "core/session/introspect.h"
#include "core/session/login.h"
#include "core/session/refresh.h"
#include "core/session/signing.h"
#include "crypto/password/password.h"
#include "crypto/token.h"
#include "store/migrate.h"

#include "tests/unit/scratch.h"
#include "tests/unit/unit.h"

#define PASSWORD "Correct-Horse-7"

static PGconn *admin;
static struct ctx x;
static struct config config;
static struct jwt_keys jwt;
static struct shared shared;
static char runtime[64];

static const char *settings[] = { "--set", "limits.enabled=false" };

static void
new_request(void)
{
	x.problem = (struct problem){ 0 };
}

/* Settings of the program, one changed in place by the tests. */
static void
load_config(void)
{
	char *argv[16];
	const struct config *c;
	const char *why = "";
	int n = 0;

	setenv("JWT_SECRET", "kX3vQ9mT7zR2pL8wN4sB6yH1cF5dG0aJ", 1);
	setenv("RUNTIME_DIR", runtime, 1);
	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++)
		argv[n++] = (char *)(uintptr_t)settings[i];
	c = config_load(a, n, argv, &why);
	ck_assert_msg(c != NULL, "%s", why);
	config = *c;
}

static void
setup(void)
{
	const struct cache_options none = { .host = "" };
	struct db_options o = { .connect_timeout = 2 * CLOCK_SECOND,
		.statement_timeout = 5 * CLOCK_SECOND };
	const char *why = "";
	int n;

	a = arena_new(64u << 20);
	ck_assert(sodium_init() >= 0);
	ck_assert(log_open("test", "/dev/null", LOG_DEBUG_));
	snprintf(runtime, sizeof(runtime), "/tmp/test-core.%d", (int)getpid());
	scratch_database("core");
	ck_assert_int_eq(migrate_run(a, scratch_in("core", "postern_owner"),
	    "postern", &n, &why), E_OK);
	admin = scratch_admin("core");
	load_config();
	json_use(a);
	signing_start(&config, &jwt);
	ck_assert_int_eq(password_init(&config), E_OK);
	o.conninfo = scratch_in("core", "postern");
	x = (struct ctx){ .config = &config, .keys = keyring_new(&config,
	    &why), .jwt = &jwt, .db = db_new(&o), .cache = cache_new(&none),
	    .shared = &shared, .arena = a, .client = STR("192.0.2.7"),
	    .user_agent = STR("check"), .request_id = STR("r1") };
	ck_assert_ptr_nonnull(x.keys);
}

static void
teardown(void)
{
	db_close(&x.db);
	PQfinish(admin);
	arena_free(&a);
}

static enum err
prove(struct str email, struct str otp, struct account *out)
{
	const struct proof p = { .email = email, .otp = otp };
	bool without;

	return proof_confirm(&x, &p, out, &without);
}

static struct tokens *
register_ann(struct account *out)
{
	const struct registration r = { .email = STR("ann@example.com"),
		.username = STR("Ann"), .password = STR(PASSWORD),
		.first_name = STR("Ann"), .last_name = STR("Lee") };
	struct tokens *t = NULL;

	ck_assert_int_eq(account_register(&x, &r, out, &t), E_OK);
	return t;
}

static enum err
log_in(const char *name, const char *password, struct login *out)
{
	const struct credentials c = { .identifier = str_of(name),
		.password = str_of(password) };

	new_request();
	return login(&x, &c, out);
}

static enum err
alive(struct str access)
{
	struct session *s;

	return session_of_token(&x, access, NULL, &s);
}

START_TEST(registration_gives_a_session_and_queues_one_mail)
{
	struct account u;
	struct tokens *t = register_ann(&u);

	ck_assert_ptr_nonnull(t);
	ck_assert_int_eq(alive(t->access), E_OK);
	ck_assert(str_eq(u.full_name, STR("Ann Lee")));
	ck_assert_str_eq(scratch_sql(admin, "select count(*) from jobs"), "1");
	ck_assert_str_eq(scratch_sql(admin, "select count(*) from audit_logs"
	    " where action = 'auth.register'"), "1");
}
END_TEST

/* Whatever the spelling of its letters, a name is one name (row LG5). */
START_TEST(a_name_in_other_letters_is_taken)
{
	struct registration r = { .email = STR("bob@example.com"),
		.username = STR("aNN"), .password = STR(PASSWORD) };
	struct account u;
	struct tokens *t;

	register_ann(&u);
	ck_assert_int_eq(account_register(&x, &r, &u, &t), E_USERNAME_TAKEN);
	r.username = STR("bob");
	r.email = STR("ann@example.com");
	ck_assert_int_eq(account_register(&x, &r, &u, &t), E_EMAIL_TAKEN);
}
END_TEST

/* Row LG3: with verification required the answer does not tell. */
START_TEST(a_known_address_registers_like_an_unknown_one)
{
	const struct registration r = { .email = STR("ann@example.com"),
		.username = STR("other"), .password = STR(PASSWORD) };
	struct account u;
	struct tokens *t;

	register_ann(&u);
	scratch_sql(admin, "update users set is_verified = true");
	config.email_verification = "required";
	ck_assert_int_eq(account_register(&x, &r, &u, &t), E_OK);
	ck_assert_ptr_null(t);
	ck_assert(str_eq(u.username, STR("other")));
	ck_assert_str_eq(scratch_sql(admin, "select username from users"),
	    "Ann");
	ck_assert_str_eq(scratch_sql(admin, "select count(*) from jobs"), "2");
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
	ck_assert_ptr_null(register_ann(&u));
	ck_assert_int_eq(account_register(&x, &r, &u, &t), E_OK);
	ck_assert_int_eq(log_in("ann", PASSWORD, &l), E_EMAIL_NOT_VERIFIED);
	ck_assert_int_eq(log_in("ann", "Other-Horse-8", &l), E_CREDENTIALS);
	ck_assert_str_eq(scratch_sql(admin, "select count(*) from one_time "
	    "where voided_at is null"), "2");
}
END_TEST

/* Rows LG1, LG4. */
START_TEST(a_reason_is_given_only_after_the_right_password)
{
	struct account u;
	struct login l;

	register_ann(&u);
	scratch_sql(admin, "update users set is_active = false");
	ck_assert_int_eq(log_in("ann", "Wrong-Horse-7", &l), E_CREDENTIALS);
	ck_assert_int_eq(log_in("nobody", "Wrong-Horse-7", &l),
	    E_CREDENTIALS);
	ck_assert_int_eq(log_in("ann", PASSWORD, &l), E_ACCOUNT_DISABLED);
}
END_TEST

/* Row RL4: known and unknown names alike. */
START_TEST(five_failures_lock_the_name_for_the_network)
{
	struct account u;
	struct login l;

	register_ann(&u);
	for (int i = 0; i < 5; i++) {
		ck_assert_int_eq(log_in("ann", "Wrong-Horse-7", &l),
		    E_CREDENTIALS);
		ck_assert_int_eq(log_in("nobody", "Wrong-Horse-7", &l),
		    E_CREDENTIALS);
	}
	ck_assert_int_eq(log_in("ANN@example.com", PASSWORD, &l), E_LOCKED);
	ck_assert_int_ge(x.problem.retry_after, 29 * 60);
	ck_assert_int_eq(log_in("nobody", PASSWORD, &l), E_LOCKED);
	x.client = STR("198.51.100.1");
	ck_assert_int_eq(log_in("ann", PASSWORD, &l), E_OK);
}
END_TEST

/* Row RL5: the owner's known device keeps its own budget. */
START_TEST(a_known_device_logs_in_through_a_lockout)
{
	struct credentials c = { .identifier = STR("ann"),
		.password = STR(PASSWORD), .remember_device = true };
	struct account u;
	struct login l;

	register_ann(&u);
	ck_assert_int_eq(login(&x, &c, &l), E_OK);
	c.device_token = l.device_token;
	for (int i = 0; i < 6; i++)
		(void)log_in("ann", "Wrong-Horse-7", &l);
	ck_assert_int_eq(log_in("ann", PASSWORD, &l), E_LOCKED);
	new_request();
	ck_assert_int_eq(login(&x, &c, &l), E_OK);
}
END_TEST

/* Row RL7: a success clears the failures before it. */
START_TEST(a_login_clears_the_failures)
{
	struct account u;
	struct login l;

	register_ann(&u);
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < 4; i++)
			ck_assert_int_eq(log_in("ann", "Wrong-Horse-7", &l),
			    E_CREDENTIALS);
		ck_assert_int_eq(log_in("ann", PASSWORD, &l), E_OK);
	}
}
END_TEST

/* Row LG11: every proved address, the one that is two once; two statements. */
START_TEST(a_new_place_is_told_everywhere_without_a_further_round_trip)
{
	struct account u;
	struct login l;
	uint64_t trips;

	register_ann(&u);
	scratch_sql(admin, "insert into recovery_methods (id, user_id, type, "
	    "value, verified_at) select gen_random_uuid(), u.id, m.type, "
	    "m.value, m.verified_at from users u, (values "
	    "('email', 'ann@example.com', now()), "
	    "('email', 'ann@example.org', now()), "
	    "('email', 'ann@example.net', null), "
	    "('phone', '+4930123456', now())) m (type, value, verified_at)");
	ck_assert_int_eq(log_in("ann", PASSWORD, &l), E_OK);
	scratch_sql(admin, "delete from jobs");
	x.user_agent = STR("another");
	trips = db_round_trips(x.db);
	ck_assert_int_eq(log_in("ann", PASSWORD, &l), E_OK);
	ck_assert_uint_eq(db_round_trips(x.db) - trips, 2);
	ck_assert_str_eq(scratch_sql(admin, "select count(*) from jobs"), "2");
	ck_assert_int_eq(log_in("ann", PASSWORD, &l), E_OK);
	ck_assert_str_eq(scratch_sql(admin, "select count(*) from jobs"), "2");
}
END_TEST

/* Row PW6: an imported or outdated string is replaced at the next login. */
START_TEST(an_old_hash_is_renewed_at_login)
{
	struct account u;
	struct login l;

	register_ann(&u);
	scratch_sql(admin, "update users set password_hash = "
	    "'$2b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW'");
	ck_assert_int_eq(log_in("ann", "U*U", &l), E_OK);
	ck_assert_str_eq(scratch_sql(admin, "select left(password_hash, 10) "
	    "from users"), "$argon2id$");
	ck_assert_int_eq(log_in("ann", "U*U", &l), E_OK);
}
END_TEST

/* Rows RT1, RT4. */
START_TEST(refresh_token_used_twice_revokes_the_family)
{
	struct account u;
	struct tokens *t = register_ann(&u), *next, *none;
	struct login other;

	ck_assert_int_eq(log_in("ann", PASSWORD, &other), E_OK);
	ck_assert_int_eq(refresh(&x, t->refresh, STR_NONE, &next), E_OK);
	ck_assert_int_eq(refresh(&x, t->refresh, STR_NONE, &none),
	    E_REFRESH_INVALID);
	ck_assert_int_eq(refresh(&x, next->refresh, STR_NONE, &none),
	    E_REFRESH_INVALID);
	ck_assert_int_eq(alive(next->access), E_TOKEN_INVALID);
	ck_assert_int_eq(alive(other.tokens->access), E_OK);
	ck_assert_str_eq(scratch_sql(admin, "select count(*) from audit_logs"
	    " where action = 'refresh.reuse'"), "1");
}
END_TEST

START_TEST(reuse_revokes_every_session_where_configured)
{
	struct account u;
	struct tokens *t = register_ann(&u), *next;
	struct login other;

	config.refresh_reuse = "user";
	ck_assert_int_eq(log_in("ann", PASSWORD, &other), E_OK);
	ck_assert_int_eq(refresh(&x, t->refresh, STR_NONE, &next), E_OK);
	ck_assert_int_eq(refresh(&x, t->refresh, STR_NONE, &next),
	    E_REFRESH_INVALID);
	ck_assert_int_eq(alive(other.tokens->access), E_TOKEN_INVALID);
}
END_TEST

/* Row RT3: a lost answer is repaired by the same key, and only by it. */
START_TEST(the_same_key_gives_the_same_successor)
{
	struct account u;
	struct tokens *t = register_ann(&u), *one, *two;

	ck_assert_int_eq(refresh(&x, t->refresh, STR("k1"), &one), E_OK);
	ck_assert_int_eq(refresh(&x, t->refresh, STR("k1"), &two), E_OK);
	ck_assert(str_eq(one->refresh, two->refresh));
	ck_assert_int_eq(refresh(&x, t->refresh, STR("k2"), &two),
	    E_REFRESH_INVALID);
}
END_TEST

/* Row RT3: the grace rule knows the previous generation only. */
START_TEST(grace_gives_the_unused_successor_again)
{
	struct account u;
	struct tokens *t = register_ann(&u), *one, *two;

	config.refresh_grace = 10 * CLOCK_SECOND;
	ck_assert_int_eq(refresh(&x, t->refresh, STR_NONE, &one), E_OK);
	ck_assert_int_eq(refresh(&x, t->refresh, STR_NONE, &two), E_OK);
	ck_assert(str_eq(one->refresh, two->refresh));
	ck_assert_int_eq(refresh(&x, one->refresh, STR_NONE, &two), E_OK);
	ck_assert_int_eq(refresh(&x, t->refresh, STR_NONE, &two),
	    E_REFRESH_INVALID);
}
END_TEST

/* Rows RT6, RT7. */
START_TEST(neither_time_nor_deactivation_can_be_refreshed_away)
{
	struct account u;
	struct tokens *t = register_ann(&u), *next;

	scratch_sql(admin, "update users set is_active = false");
	ck_assert_int_eq(refresh(&x, t->refresh, STR_NONE, &next),
	    E_REFRESH_INVALID);
	ck_assert_int_eq(alive(t->access), E_TOKEN_INVALID);
	scratch_sql(admin, "update users set is_active = true");
	scratch_sql(admin, "update sessions set expires_at = now()");
	ck_assert_int_eq(refresh(&x, t->refresh, STR_NONE, &next),
	    E_REFRESH_INVALID);
}
END_TEST

/* Row 0b: a secret for one purpose is nothing at another door. */
START_TEST(a_token_opens_only_its_own_door)
{
	struct account u;
	struct tokens *t = register_ann(&u), *next;
	struct introspection i;

	ck_assert_int_eq(alive(t->refresh), E_TOKEN_INVALID);
	ck_assert_int_eq(refresh(&x, t->access, STR_NONE, &next),
	    E_REFRESH_INVALID);
	ck_assert_int_eq(password_reset_confirm(&x, t->refresh,
	    STR("Other-Horse-8")), E_BAD_TOKEN);
	ck_assert_int_eq(introspect(&x, token_make(a, x.keys, TOKEN_RESET,
	    uuid_v7(), 0), &i), E_OK);
	ck_assert(!i.active);
}
END_TEST

/* Row SE3. */
START_TEST(logout_scopes_end_what_they_say)
{
	struct account u;
	struct tokens *one = register_ann(&u);
	struct login two, three;

	ck_assert_int_eq(log_in("ann", PASSWORD, &two), E_OK);
	ck_assert_int_eq(log_in("ann", PASSWORD, &three), E_OK);
	ck_assert_int_eq(session_end(&x, u.id, one->session_id, SESSION_THIS,
	    "logout"), E_OK);
	ck_assert_int_eq(alive(one->access), E_TOKEN_INVALID);
	ck_assert_int_eq(alive(two.tokens->access), E_OK);
	ck_assert_int_eq(session_end(&x, u.id, two.tokens->session_id,
	    SESSION_OTHERS, "logout"), E_OK);
	ck_assert_int_eq(alive(three.tokens->access), E_TOKEN_INVALID);
	ck_assert_int_eq(alive(two.tokens->access), E_OK);
	ck_assert_int_eq(session_end(&x, u.id, STR_NONE, SESSION_ALL,
	    "logout"), E_OK);
	ck_assert_int_eq(alive(two.tokens->access), E_TOKEN_INVALID);
}
END_TEST

/* Rows PR3, PR5, PR6. The link's token is derived from its row. */
START_TEST(a_reset_link_works_once_and_ends_everything)
{
	struct account u;
	struct tokens *t = register_ann(&u);
	struct str token;
	struct login l;
	struct uuid id;

	ck_assert_int_eq(password_reset_request(&x, u.email), E_OK);
	ck_assert(uuid_parse(str_of(scratch_sql(admin, "select id from "
	    "one_time where purpose = 'reset'")), &id));
	token = token_make(a, x.keys, TOKEN_RESET, id, 0);
	new_request();
	ck_assert_int_eq(password_reset_confirm(&x, token, STR("short")),
	    E_VALIDATION);
	ck_assert_int_eq(password_reset_confirm(&x, token,
	    STR("NewPassword123")), E_OK);
	ck_assert_int_eq(password_reset_confirm(&x, token,
	    STR("NewPassword456")), E_BAD_TOKEN);
	ck_assert_int_eq(alive(t->access), E_TOKEN_INVALID);
	ck_assert_int_eq(log_in("ann", PASSWORD, &l), E_CREDENTIALS);
	ck_assert_int_eq(log_in("ann", "NewPassword123", &l), E_OK);
}
END_TEST

START_TEST(a_newer_reset_link_voids_the_older)
{
	struct account u;
	struct uuid id;

	register_ann(&u);
	ck_assert_int_eq(password_reset_request(&x, u.email), E_OK);
	ck_assert(uuid_parse(str_of(scratch_sql(admin, "select id from "
	    "one_time where purpose = 'reset'")), &id));
	ck_assert_int_eq(password_reset_request(&x, u.email), E_OK);
	ck_assert_int_eq(password_reset_confirm(&x, token_make(a, x.keys,
	    TOKEN_RESET, id, 0), STR("NewPassword123")), E_BAD_TOKEN);
}
END_TEST

/* Row PW8. */
START_TEST(changing_the_password_keeps_only_the_session_that_did_it)
{
	struct account u;
	struct tokens *one = register_ann(&u);
	struct session *s;
	struct login two;

	ck_assert_int_eq(log_in("ann", PASSWORD, &two), E_OK);
	ck_assert_int_eq(session_of_token(&x, one->access, NULL, &s), E_OK);
	new_request();
	ck_assert_int_eq(password_change(&x, s, STR("Wrong-Horse-7"),
	    STR("NewPassword123")), E_WRONG_PASSWORD);
	ck_assert_int_eq(password_change(&x, s, STR(PASSWORD),
	    STR("password")), E_VALIDATION);
	ck_assert_str_eq(x.problem.field, "new_password");
	ck_assert_int_eq(password_change(&x, s, STR(PASSWORD),
	    STR("NewPassword123")), E_OK);
	ck_assert_int_eq(alive(one->access), E_OK);
	ck_assert_int_eq(alive(two.tokens->access), E_TOKEN_INVALID);
}
END_TEST

/* Rows OT1, OT4: three attempts a code, then it is dead. */
START_TEST(three_wrong_codes_kill_the_code)
{
	struct account u, out;
	struct str id, mac, wrong = STR("000000");

	register_ann(&u);
	id = arena_str(a, str_of(scratch_sql(admin,
	    "select id from one_time")));
	mac = token_code_mac(a, x.keys, id, "verify", STR("424242"));
	scratch_sql(admin, arena_fmt(a, "update one_time set mac = '\\x%s'",
	    hex_encode(a, mac).p).p);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(prove(u.email, wrong, &out), E_BAD_CODE);
	ck_assert_int_eq(prove(u.email, STR("424242"), &out), E_BAD_CODE);
	scratch_sql(admin, "update one_time set attempts = 0");
	ck_assert_int_eq(prove(u.email, STR("424242"), &out), E_OK);
	ck_assert(out.is_verified);
	ck_assert_int_eq(prove(u.email, STR("424242"), &out), E_BAD_CODE);
}
END_TEST

/* Row OT3: a code of one user is nothing for another. */
START_TEST(a_code_is_bound_to_its_row)
{
	const struct registration r = { .email = STR("bob@example.com"),
		.username = STR("bob"), .password = STR(PASSWORD) };
	struct account u, bob, out;
	struct tokens *t;
	struct str id, mac;

	register_ann(&u);
	ck_assert_int_eq(account_register(&x, &r, &bob, &t), E_OK);
	id = arena_str(a, str_of(scratch_sql(admin, "select o.id from "
	    "one_time o join users u on u.id = user_id where username = "
	    "'Ann'")));
	mac = token_code_mac(a, x.keys, id, "verify", STR("424242"));
	scratch_sql(admin, arena_fmt(a, "update one_time set mac = '\\x%s'",
	    hex_encode(a, mac).p).p);
	ck_assert_int_eq(prove(bob.email, STR("424242"), &out), E_BAD_CODE);
	ck_assert_int_eq(prove(u.email, STR("424242"), &out), E_OK);
}
END_TEST

/* Row SE5. */
START_TEST(the_oldest_session_past_the_limit_ends)
{
	struct account u;
	struct tokens *first = register_ann(&u);
	struct login l;

	scratch_sql(admin, "insert into sessions (id, user_id, expires_at, "
	    "absolute_expires_at) select gen_random_uuid(), id, now() + "
	    "interval '1 day', now() + interval '1 day' from users, "
	    "generate_series(1, 49)");
	ck_assert_int_eq(alive(first->access), E_OK);
	scratch_sql(admin, arena_fmt(a, "update sessions set created_at = "
	    "now() - interval '1 hour' where id = '%s'",
	    first->session_id.p).p);
	ck_assert_int_eq(log_in("ann", PASSWORD, &l), E_OK);
	ck_assert_int_eq(alive(first->access), E_TOKEN_INVALID);
	ck_assert_str_eq(scratch_sql(admin, "select count(*) from sessions "
	    "where ended_at is null"), "50");
}
END_TEST

/* Row RB8: another permission is known with the next request. */
START_TEST(a_changed_role_counts_at_once)
{
	struct account u;
	struct tokens *t = register_ann(&u);
	struct session *s;
	struct str *have;
	size_t n;

	ck_assert_int_eq(session_of_token(&x, t->access, NULL, &s), E_OK);
	ck_assert_int_eq(role_permissions(&x, s->account.roles,
	    s->role_version, &have, &n), E_OK);
	ck_assert_int_eq(n, 0);
	scratch_sql(admin, "insert into role_permissions select r.id, p.id "
	    "from roles r, permissions p where r.name = 'user' and "
	    "p.name = 'stats.read'");
	ck_assert_int_eq(session_of_token(&x, t->access, NULL, &s), E_OK);
	ck_assert_int_eq(role_permissions(&x, s->account.roles,
	    s->role_version, &have, &n), E_OK);
	ck_assert_int_eq(n, 1);
	ck_assert(str_eq(have[0], STR("stats.read")));
}
END_TEST

/* Rows AK2, AK4, AK7. */
START_TEST(an_api_key_opens_its_scopes_until_rotated_and_revoked)
{
	const struct str scopes[] = { STR("tokens:read") };
	const struct api_key_wish w = { .name = STR("app"), .scopes = scopes,
		.nscopes = 1 };
	struct api_key k, *found;
	struct account u;
	struct limit l;
	struct str secret, next;

	register_ann(&u);
	ck_assert_int_eq(api_key_create(&x, u.id, &w, &k, &secret), E_OK);
	ck_assert_int_eq(api_key_admit(&x, secret, "tokens:read", &l, &found),
	    E_OK);
	ck_assert_int_eq(api_key_admit(&x, secret, "2fa:write", &l, &found),
	    E_SCOPE);
	ck_assert_int_eq(api_key_rotate(&x, u.id, k.id, 0, &next), E_OK);
	ck_assert_int_eq(api_key_admit(&x, secret, "tokens:read", &l, &found),
	    E_TOKEN_INVALID);
	ck_assert_int_eq(api_key_admit(&x, next, "tokens:read", &l, &found),
	    E_OK);
	scratch_sql(admin, "update users set is_active = false");
	ck_assert_int_eq(api_key_admit(&x, next, "tokens:read", &l, &found),
	    E_TOKEN_INVALID);
	scratch_sql(admin, "update users set is_active = true");
	ck_assert_int_eq(api_key_revoke(&x, u.id, k.id), E_OK);
	ck_assert_int_eq(api_key_admit(&x, next, "tokens:read", &l, &found),
	    E_TOKEN_INVALID);
}
END_TEST

/* Row TO11: no road around the factor that a role must have. */
START_TEST(a_key_of_one_who_must_enrol_waits_until_he_has)
{
	const struct str scopes[] = { STR("user:read") };
	const struct api_key_wish w = { .name = STR("app"), .scopes = scopes,
		.nscopes = 1 };
	struct api_key k, *found;
	struct account u;
	struct limit l;
	struct str secret;

	register_ann(&u);
	ck_assert_int_eq(api_key_create(&x, u.id, &w, &k, &secret), E_OK);
	config.factor_roles = "user";
	ck_assert_int_eq(api_key_admit(&x, secret, "user:read", &l, &found),
	    E_ENROLMENT_REQUIRED);
	scratch_sql(admin, "update users set two_factor_enabled = true");
	ck_assert_int_eq(api_key_admit(&x, secret, "user:read", &l, &found),
	    E_OK);
}
END_TEST

/* Row RE9. */
START_TEST(an_idempotency_key_gives_one_answer_and_refuses_another_body)
{
	struct idempotency i;
	struct str answer;
	bool replayed;
	int status;

	ck_assert_int_eq(idempotency_begin(&x, STR("s"), STR("k"), STR("b"),
	    NULL, &i, &replayed, &status, &answer), E_OK);
	ck_assert(!replayed);
	ck_assert_int_eq(idempotency_begin(&x, STR("s"), STR("k"), STR("b"),
	    NULL, &i, &replayed, &status, &answer), E_IDEMPOTENCY);
	idempotency_end(&x, &i, 201, STR("{}"));
	ck_assert_int_eq(idempotency_begin(&x, STR("s"), STR("k"), STR("b"),
	    NULL, &i, &replayed, &status, &answer), E_OK);
	ck_assert(replayed && status == 201 && str_eq(answer, STR("{}")));
	ck_assert_int_eq(idempotency_begin(&x, STR("s"), STR("k"), STR("c"),
	    NULL, &i, &replayed, &status, &answer), E_IDEMPOTENCY);
	ck_assert_int_eq(idempotency_begin(&x, STR("t"), STR("k"), STR("c"),
	    NULL, &i, &replayed, &status, &answer), E_OK);
	ck_assert(!replayed);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("core");
	TCase *t = tcase_create("core");
	const TTest *list[] = {
		registration_gives_a_session_and_queues_one_mail,
		a_name_in_other_letters_is_taken,
		a_known_address_registers_like_an_unknown_one,
		a_later_registration_replaces_none,
		a_reason_is_given_only_after_the_right_password,
		five_failures_lock_the_name_for_the_network,
		a_known_device_logs_in_through_a_lockout,
		a_login_clears_the_failures,
		a_new_place_is_told_everywhere_without_a_further_round_trip,
		an_old_hash_is_renewed_at_login,
		refresh_token_used_twice_revokes_the_family,
		reuse_revokes_every_session_where_configured,
		the_same_key_gives_the_same_successor,
		grace_gives_the_unused_successor_again,
		neither_time_nor_deactivation_can_be_refreshed_away,
		a_token_opens_only_its_own_door,
		logout_scopes_end_what_they_say,
		a_reset_link_works_once_and_ends_everything,
		a_newer_reset_link_voids_the_older,
		changing_the_password_keeps_only_the_session_that_did_it,
		three_wrong_codes_kill_the_code,
		a_code_is_bound_to_its_row,
		the_oldest_session_past_the_limit_ends,
		a_changed_role_counts_at_once,
		an_api_key_opens_its_scopes_until_rotated_and_revoked,
		a_key_of_one_who_must_enrol_waits_until_he_has,
		an_idempotency_key_gives_one_answer_and_refuses_another_body,
	};

	scratch_start();
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++)
		tcase_add_test(t, list[i]);
	suite_add_tcase(s, t);
	return unit_run_suite(s);
}
