/* API keys: rows AK1 to AK9. */
#include "tests/unit/core/core.h"

#include "base/limits.h"
#include "core/access/api_key.h"
#include "core/access/refusal.h"

static const struct str read_scope[] = { STR("user:read") };

static struct api_key
make_key(const struct person *p, const struct api_key_wish *wish,
    struct str *secret)
{
	struct api_key_wish w = *wish;
	struct api_key k;

	if (w.name.n == 0)
		w.name = STR("app");
	if (w.nscopes == 0) {
		w.scopes = read_scope;
		w.nscopes = 1;
	}
	ck_ok(api_key_create(&x, p->account.id, &w, &k, secret));
	return k;
}

static enum err
admit(struct str secret, const char *scope)
{
	struct api_key *k;
	struct limit l;

	return api_key_admit(&x, secret, scope, &l, &k);
}

/* Row AK2. */
START_TEST(a_key_is_shown_once_and_kept_as_a_hash)
{
	struct person p = core_person("ann");
	struct str secret;
	struct api_key k = make_key(&p, &(struct api_key_wish){ 0 }, &secret),
	    *list;
	int64_t total;
	size_t n;

	ck_assert(str_starts(secret, str_of(config.api_key_prefix)));
	ck_assert(k.is_active && k.created_at > 0);
	ck_assert_int_eq(k.rate_limit, 1000);
	ck_sql("t", "select secret_hash = sha256('%s') from api_keys",
	    arena_cstr(x.arena, secret));
	ck_ok(api_key_list(&x, p.account.id, STR_NONE, 10, 0, &list, &n,
	    &total));
	ck_assert_uint_eq(n, 1);
	ck_str(list[0].name, "app");
	ck_str(list[0].scopes, "user:read");
	ck_assert(str_eq(list[0].id, k.id));
	ck_assert(list[0].expires_at > clock_wall() + 364 * 86400 *
	    CLOCK_SECOND);
	ck_audit("apikey.create", 1);
}
END_TEST

START_TEST(a_wish_that_cannot_be_is_refused_by_its_field)
{
	static const struct str bad_scope[] = { STR("user:read"),
		STR("a b") };
	static const struct str long_scope[] = { STR("aaaaaaaaaabbbbbbbbbb"
	    "ccccccccccddddddddddeeeeeeeeeeffffffffff12345") };
	static const struct str none_scope[] = { STR("") };
	static const struct str bad_ip[] = { STR("10.0.0.0/8"),
		STR("10.0.0.0/33") };
	const struct {
		struct api_key_wish w;
		const char *field;
	} cases[] = {
		{ { .scopes = bad_scope, .nscopes = 2 }, "scopes" },
		{ { .scopes = long_scope, .nscopes = 1 }, "scopes" },
		{ { .scopes = none_scope, .nscopes = 1 }, "scopes" },
		{ { .scopes = read_scope, .nscopes = 1, .nallowed_ips = 2,
		    .allowed_ips = bad_ip }, "allowed_ips" },
		{ { .scopes = read_scope, .nscopes = 1,
		    .expires_at = clock_wall() - 1 }, "expires_at" },
	};
	struct person p = core_person("ann");
	struct api_key k;
	struct str secret;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		x.problem = (struct problem){ 0 };
		ck_err(api_key_create(&x, p.account.id, &cases[i].w, &k,
		    &secret), E_VALIDATION);
		ck_assert_str_eq(x.problem.field, cases[i].field);
	}
	ck_sql("0", "select count(*) from api_keys");
}
END_TEST

START_TEST(an_account_has_so_many_live_keys)
{
	const struct api_key_wish w = { .name = STR("one more"),
		.scopes = read_scope, .nscopes = 1 };
	struct person p = core_person("ann");
	struct str secret;
	struct api_key k = make_key(&p, &(struct api_key_wish){ 0 }, &secret);

	core_sql("insert into api_keys (id, key_id, user_id, name, "
	    "secret_hash, expires_at) select gen_random_uuid(), 'k' || i, "
	    "'%s', 'x', '', now() + interval '1 day' from generate_series(2, "
	    "%d) i", p.account.id.p, LIMIT_API_KEYS);
	ck_err(api_key_create(&x, p.account.id, &w, &k, &secret),
	    E_VALIDATION);
	ck_assert_str_eq(x.problem.field, "name");
	core_sql("update api_keys set is_active = false where key_id = 'k2'");
	ck_ok(api_key_create(&x, p.account.id, &w, &k, &secret));
}
END_TEST

/* Row AK1: a checksum that is wrong is refused without the key's row. */
START_TEST(what_never_was_a_key_is_refused_and_told_once_a_minute)
{
	struct person p = core_person("ann");
	struct str secret, other = STR_NONE;
	uint64_t before;
	char *bad;

	make_key(&p, &(struct api_key_wish){ 0 }, &secret);
	bad = (char *)(uintptr_t)arena_cstr(x.arena, secret);
	bad[secret.n - 8] = bad[secret.n - 8] == 'A' ? 'B' : 'A';
	ck_err(admit(str_of(bad), "user:read"), E_TOKEN_INVALID);
	before = db_round_trips(x.db);
	for (int i = 0; i < 3; i++)
		ck_err(admit(str_of(bad), "user:read"), E_TOKEN_INVALID);
	ck_err(admit(STR(""), "user:read"), E_TOKEN_INVALID);
	ck_assert_uint_eq(db_round_trips(x.db), before);
	ck_sql("checksum", "select reason from audit_logs where action = "
	    "'apikey.refused'");
	other = token_api_key(x.arena, config.api_key_prefix, 32);
	ck_err(admit(other, "user:read"), E_TOKEN_INVALID);
}
END_TEST

/* Row AK4. */
START_TEST(a_key_opens_its_scopes_and_a_star_all)
{
	static const struct str star[] = { STR("*") };
	struct person p = core_person("ann");
	struct str one, all;

	make_key(&p, &(struct api_key_wish){ 0 }, &one);
	make_key(&p, &(struct api_key_wish){ .scopes = star, .nscopes = 1 },
	    &all);
	ck_ok(admit(one, "user:read"));
	ck_ok(admit(one, ""));
	ck_err(admit(one, "user:write"), E_SCOPE);
	ck_err(admit(one, "user:rea"), E_SCOPE);
	ck_ok(admit(all, "user:write"));
	/* Row AK5: where keys are not taken, not even that one. */
	ck_err(admit(all, NULL), E_SCOPE);
}
END_TEST

/* Row AK7, with the same id; row AK2 for both. */
START_TEST(a_rotated_key_works_on_for_its_overlap)
{
	struct person p = core_person("ann"), b = core_person("bob");
	struct str one, two, three;
	struct api_key k = make_key(&p, &(struct api_key_wish){ 0 }, &one);

	ck_err(api_key_rotate(&x, b.account.id, k.id, 0, &two), E_NOT_FOUND);
	ck_ok(api_key_rotate(&x, p.account.id, k.id, 3600 * CLOCK_SECOND,
	    &two));
	ck_ok(admit(one, "user:read"));
	ck_ok(admit(two, "user:read"));
	ck_ok(api_key_rotate(&x, p.account.id, k.id, 0, &three));
	ck_err(admit(one, "user:read"), E_TOKEN_INVALID);
	ck_err(admit(two, "user:read"), E_TOKEN_INVALID);
	ck_ok(admit(three, "user:read"));
	core_sql("update api_keys set previous_hash = secret_hash, "
	    "secret_hash = 'x', previous_until = now()");
	ck_err(admit(three, "user:read"), E_TOKEN_INVALID);
}
END_TEST

/* Rows AK7, AK9: ended at once, by its owner alone. */
START_TEST(a_revoked_key_ends_at_once)
{
	struct person p = core_person("ann"), b = core_person("bob");
	struct str secret;
	struct api_key k = make_key(&p, &(struct api_key_wish){ 0 }, &secret),
	    *list;
	int64_t total;
	size_t n;

	ck_err(api_key_revoke(&x, b.account.id, k.id), E_NOT_FOUND);
	ck_err(api_key_list(&x, b.account.id, k.id, 1, 0, &list, &n, &total),
	    E_NOT_FOUND);
	ck_ok(admit(secret, "user:read"));
	ck_ok(api_key_revoke(&x, p.account.id, k.id));
	ck_err(admit(secret, "user:read"), E_TOKEN_INVALID);
	ck_err(admit(secret, "user:read"), E_TOKEN_INVALID);
	ck_sql("1", "select count(*) from audit_logs where reason = 'ended'");
	ck_err(api_key_revoke(&x, p.account.id, k.id), E_NOT_FOUND);
}
END_TEST

/* A key rests while its owner could not log in. */
START_TEST(a_key_rests_with_its_owner)
{
	static const char *const rests[][2] = {
		{ "is_active", "false" }, { "must_reset_password", "true" },
		{ "erase_at", "now() + interval '1 day'" } };
	static const char *const works[][2] = { { "is_active", "true" },
		{ "must_reset_password", "false" }, { "erase_at", "null" } };
	struct person p = core_person("ann");
	struct str secret;

	make_key(&p, &(struct api_key_wish){ 0 }, &secret);
	for (size_t i = 0; i < 3; i++) {
		core_sql("update users set %s = %s", rests[i][0],
		    rests[i][1]);
		ck_err(admit(secret, "user:read"), E_TOKEN_INVALID);
		core_sql("update users set %s = %s", works[i][0],
		    works[i][1]);
		ck_ok(admit(secret, "user:read"));
	}
	core_sql("update api_keys set expires_at = now()");
	ck_err(admit(secret, "user:read"), E_TOKEN_INVALID);
}
END_TEST

/* Rows LG7, TO11. */
START_TEST(a_key_leads_around_nothing_that_its_owner_must_do)
{
	struct person p = core_person("ann");
	struct str secret;

	make_key(&p, &(struct api_key_wish){ 0 }, &secret);
	config.email_verification = "required";
	core_sql("update users set is_verified = false");
	ck_err(admit(secret, "user:read"), E_EMAIL_NOT_VERIFIED);
	core_sql("update users set is_verified = true");
	config.factor_roles = "user";
	ck_err(admit(secret, "user:read"), E_ENROLMENT_REQUIRED);
}
END_TEST

START_TEST(a_key_works_from_its_networks_alone)
{
	static const struct str nets[] = { STR("198.51.100.0/24"),
		STR("2001:db8::/32") };
	struct person p = core_person("ann");
	struct str secret;

	make_key(&p, &(struct api_key_wish){ .allowed_ips = nets,
	    .nallowed_ips = 2 }, &secret);
	ck_err(admit(secret, "user:read"), E_NETWORK);
	x.client = STR("198.51.100.9");
	ck_ok(admit(secret, "user:read"));
	x.client = STR("2001:db8::9");
	ck_ok(admit(secret, "user:read"));
	x.hidden = true; /* a proxy that nobody vouches for */
	ck_err(admit(secret, "user:read"), E_NETWORK);
	x.hidden = false;
	x.client = STR("not an address");
	ck_err(admit(secret, "user:read"), E_NETWORK);
}
END_TEST

/* Row AK9: its own limit, charged for what it is refused too. */
START_TEST(a_key_has_a_limit_of_its_own)
{
	struct person p = core_person("ann");
	struct str secret, second;
	struct api_key *k;
	struct limit l;

	config.rate_limiting = true;
	config.api_key_rate = 1;
	make_key(&p, &(struct api_key_wish){ .rate_limit = 5 }, &secret);
	make_key(&p, &(struct api_key_wish){ .rate_limit = 5 }, &second);
	ck_ok(api_key_admit(&x, secret, "user:read", &l, &k));
	ck_assert_str_eq(l.name, "api_key");
	ck_assert_int_eq(l.max, 1); /* no more than is configured */
	/* without Redis this host counts alone, and as exactly (row RL8) */
	ck_err(admit(secret, "user:read"), E_LIMITED);
	ck_err(admit(secret, "user:write"), E_LIMITED);
	ck_ok(admit(second, "user:read"));
	ck_err(api_key_admit(&x, STR("none"), "user:read", &l, &k),
	    E_TOKEN_INVALID);
	ck_assert_ptr_null(l.name);
}
END_TEST

/* Row LO2: none of many hides another one. */
START_TEST(each_refusal_is_due_once)
{
	for (int i = 0; i < 1000; i++) {
		struct str id = text("key %d", i);

		ck_assert(refusal_due(&x, "ended", id));
		ck_assert(!refusal_due(&x, "ended", id));
	}
}
END_TEST

/* Row AK8: the first use shows at once, the others in sums. */
START_TEST(uses_are_written_in_sums)
{
	struct person p = core_person("ann");
	struct str secret;

	make_key(&p, &(struct api_key_wish){ 0 }, &secret);
	ck_assert(!api_key_unsettled());
	ck_ok(admit(secret, "user:read"));
	ck_sql("1", "select usage_count from api_keys where last_used_at is "
	    "not null");
	ck_assert(!api_key_unsettled());
	for (int i = 0; i < 3; i++)
		ck_ok(admit(secret, "user:read"));
	ck_assert(api_key_unsettled());
	ck_assert(!api_key_overdue());
	ck_sql("1", "select usage_count from api_keys");
	api_key_settle(&x);
	ck_sql("4", "select usage_count from api_keys");
	ck_assert(!api_key_unsettled());
}
END_TEST

START_TEST(many_keys_in_turn_lose_no_use)
{
	struct person p[] = { core_person("ann"), core_person("bob") };
	struct str secret[70];

	for (int i = 0; i < 70; i++)
		make_key(&p[i % 2], &(struct api_key_wish){ 0 }, &secret[i]);
	core_sql("update api_keys set last_used_at = now()");
	for (int i = 0; i < 70; i++)
		ck_ok(admit(secret[i], "user:read"));
	api_key_settle(&x);
	ck_sql("70", "select sum(usage_count) from api_keys");
}
END_TEST

START_TEST(a_page_past_the_end_tells_the_total)
{
	struct person p = core_person("ann");
	struct api_key *list;
	struct str secret;
	int64_t total;
	size_t n;

	for (int i = 0; i < 3; i++)
		make_key(&p, &(struct api_key_wish){ 0 }, &secret);
	ck_ok(api_key_list(&x, p.account.id, STR_NONE, 2, 0, &list, &n,
	    &total));
	ck_assert(n == 2 && total == 3);
	ck_ok(api_key_list(&x, p.account.id, STR_NONE, 2, 9, &list, &n,
	    &total));
	ck_assert(n == 0 && total == 3);
	ck_ok(api_key_list(&x, core_person("bob").account.id, STR_NONE, 2, 0,
	    &list, &n, &total));
	ck_assert(n == 0 && total == 0);
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

	core_ann(&u);
	ck_ok(api_key_create(&x, u.id, &w, &k, &secret));
	ck_ok(api_key_admit(&x, secret, "tokens:read", &l, &found));
	ck_err(api_key_admit(&x, secret, "2fa:write", &l, &found), E_SCOPE);
	ck_ok(api_key_rotate(&x, u.id, k.id, 0, &next));
	ck_err(api_key_admit(&x, secret, "tokens:read", &l, &found),
	    E_TOKEN_INVALID);
	ck_ok(api_key_admit(&x, next, "tokens:read", &l, &found));
	core_sql("update users set is_active = false");
	ck_err(api_key_admit(&x, next, "tokens:read", &l, &found),
	    E_TOKEN_INVALID);
	core_sql("update users set is_active = true");
	ck_ok(api_key_revoke(&x, u.id, k.id));
	ck_err(api_key_admit(&x, next, "tokens:read", &l, &found),
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

	core_ann(&u);
	ck_ok(api_key_create(&x, u.id, &w, &k, &secret));
	config.factor_roles = "user";
	ck_err(api_key_admit(&x, secret, "user:read", &l, &found),
	    E_ENROLMENT_REQUIRED);
	core_sql("update users set two_factor_enabled = true");
	ck_ok(api_key_admit(&x, secret, "user:read", &l, &found));
}
END_TEST

CORE_TESTS(api_key, a_key_is_shown_once_and_kept_as_a_hash,
    a_wish_that_cannot_be_is_refused_by_its_field,
    an_account_has_so_many_live_keys,
    what_never_was_a_key_is_refused_and_told_once_a_minute,
    a_key_opens_its_scopes_and_a_star_all,
    a_rotated_key_works_on_for_its_overlap, a_revoked_key_ends_at_once,
    a_key_rests_with_its_owner,
    a_key_leads_around_nothing_that_its_owner_must_do,
    a_key_works_from_its_networks_alone, a_key_has_a_limit_of_its_own,
    each_refusal_is_due_once, uses_are_written_in_sums, many_keys_in_turn_lose_no_use,
    a_page_past_the_end_tells_the_total,
    an_api_key_opens_its_scopes_until_rotated_and_revoked,
    a_key_of_one_who_must_enrol_waits_until_he_has)
