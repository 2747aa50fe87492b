/* What is told of a token (row JW9), and the keys that sign one (row JW5). */
#include "tests/unit/core/core.h"

#include "core/session/introspect.h"
#include "core/session/refresh.h"
#include "core/session/signing.h"
#include "crypto/seal.h"

START_TEST(a_live_access_token_says_whose_it_is_and_what_it_may)
{
	struct person p = core_holder("ann", "admin");
	struct introspection i;

	ck_ok(introspect(&x, p.tokens->access, &i));
	ck_assert(i.active);
	ck_assert_str_eq(i.type, "access_token");
	ck_assert(str_eq(i.sub, p.account.id));
	ck_assert(str_eq(i.sid, p.session->id));
	ck_str(i.username, "ann");
	ck_assert_int_eq(i.exp - i.iat, config.access_ttl / CLOCK_SECOND);
	ck_assert_ptr_nonnull(strstr(arena_cstr(x.arena, i.scope),
	    "users.read users.write"));
}
END_TEST

START_TEST(a_live_refresh_token_is_that_of_the_newest_generation)
{
	struct person p = core_person("ann");
	struct introspection i;
	struct tokens *next;

	ck_ok(introspect(&x, p.tokens->refresh, &i));
	ck_assert(i.active);
	ck_assert_str_eq(i.type, "refresh_token");
	ck_assert(str_eq(i.sub, p.account.id));
	ck_assert(str_eq(i.sid, p.session->id));
	ck_assert(i.exp > i.iat && i.scope.n == 0);
	ck_ok(refresh(&x, p.tokens->refresh, STR_NONE, &next));
	ck_ok(introspect(&x, p.tokens->refresh, &i));
	ck_assert(!i.active && i.sub.n == 0);
	ck_ok(introspect(&x, next->refresh, &i));
	ck_assert(i.active);
}
END_TEST

START_TEST(of_what_is_dead_nothing_else_is_told)
{
	struct person p = core_person("ann");
	const struct str dead[] = { p.tokens->access, p.tokens->refresh,
		STR(""), STR("a.b.c"), token_make(x.arena, x.keys,
		TOKEN_REFRESH, uuid_v7(), 0) };
	struct introspection i;

	core_sql("update sessions set ended_at = now()");
	for (size_t n = 0; n < sizeof(dead) / sizeof(dead[0]); n++) {
		ck_ok(introspect(&x, dead[n], &i));
		ck_assert(!i.active && i.sub.n == 0 && i.exp == 0 &&
		    i.username.n == 0);
	}
}
END_TEST

/* A key of the table, of ours or sealed by somebody else. */
static void
add_key(const char *from, const char *until, bool ours)
{
	struct jwt_key *k = ARENA_NEW(x.arena, struct jwt_key);
	struct str kid, sealed;

	jwt_key_generate(k);
	kid = arena_str(x.arena, str_of(k->kid));
	sealed = seal(x.arena, x.keys, text("signing_keys/secret/%s", ours ?
	    kid.p : "another"), (struct str){ (const char *)k->secret,
	    sizeof(k->secret) });
	core_sql("insert into signing_keys (kid, algorithm, secret, "
	    "signs_from, verifies_until) values ('%s', 'EdDSA', '\\x%s', %s, "
	    "%s)", kid.p, hex_encode(x.arena, sealed).p, from, until);
}

static void
use_eddsa(void)
{
	config.jwt_algorithm = "EdDSA";
	signing_start(&config, x.jwt);
}

START_TEST(without_a_key_nobody_logs_in)
{
	const struct credentials c = { .identifier = STR("ann"),
		.password = STR(PASSWORD) };
	struct person p = core_person("ann");
	struct tokens *next;
	struct login l;

	use_eddsa();
	ck_err(signing_ready(&x), E_UNAVAILABLE);
	ck_err(login(&x, &c, &l), E_UNAVAILABLE);
	ck_err(refresh(&x, p.tokens->refresh, STR_NONE, &next),
	    E_UNAVAILABLE);
	ck_sql("0", "select generation from sessions");
	add_key("now()", "null", true);
	signing_start(&config, x.jwt);
	ck_ok(refresh(&x, p.tokens->refresh, STR_NONE, &next));
}
END_TEST

/* Row JW5. */
START_TEST(a_key_verifies_before_it_signs_and_after)
{
	struct person p;

	use_eddsa();
	add_key("now() - interval '1 hour'", "null", true);
	p = core_person("ann");
	ck_ok(core_alive(p.tokens->access));
	/* the next one is published and does not sign */
	add_key("now() + interval '1 hour'", "null", true);
	ck_ok(signing_refresh(&x, false));
	ck_assert_uint_eq(x.jwt->n, 2); /* the secret and the first */
	signing_start(&config, x.jwt);
	ck_ok(signing_refresh(&x, false));
	ck_assert_uint_eq(x.jwt->n, 3);
	ck_ok(core_alive(p.tokens->access));
	ck_assert(!x.jwt->key[1].signs && x.jwt->key[2].signs);
	/* the secret of before still verifies and signs no more */
	ck_assert(!x.jwt->key[0].signs);
	core_sql("update signing_keys set verifies_until = now() where "
	    "signs_from < now()");
	signing_start(&config, x.jwt);
	ck_ok(signing_refresh(&x, false));
	ck_err(core_alive(p.tokens->access), E_TOKEN_INVALID);
}
END_TEST

/* Row TO8's sister: what was sealed for another row does not sign. */
START_TEST(a_key_that_does_not_open_is_left_out)
{
	use_eddsa();
	add_key("now()", "null", false);
	ck_err(signing_ready(&x), E_UNAVAILABLE);
	ck_assert_uint_eq(x.jwt->n, 1);
}
END_TEST

START_TEST(secrets_of_before_verify_and_do_not_sign)
{
	struct person p = core_person("ann");

	config.jwt_previous_secrets = config.jwt_secret;
	config.jwt_secret = "another-secret-of-32-bytes-at-least";
	signing_start(&config, x.jwt);
	ck_assert_uint_eq(x.jwt->n, 2);
	ck_assert(x.jwt->key[0].signs && !x.jwt->key[1].signs);
	ck_ok(core_alive(p.tokens->access));
	config.jwt_previous_secrets = "";
	signing_start(&config, x.jwt);
	ck_err(core_alive(p.tokens->access), E_TOKEN_INVALID);
}
END_TEST

START_TEST(the_issuer_is_configured_or_the_address_or_the_name)
{
	config.jwt_issuer = "";
	ck_assert_str_eq(signing_issuer(&config), config.public_url);
	config.public_url = "";
	ck_assert_str_eq(signing_issuer(&config), config.name);
	config.jwt_issuer = "https://issuer.example";
	ck_assert_str_eq(signing_issuer(&config), "https://issuer.example");
}
END_TEST

CORE_TESTS(introspect,
    a_live_access_token_says_whose_it_is_and_what_it_may,
    a_live_refresh_token_is_that_of_the_newest_generation,
    of_what_is_dead_nothing_else_is_told, without_a_key_nobody_logs_in,
    a_key_verifies_before_it_signs_and_after,
    a_key_that_does_not_open_is_left_out,
    secrets_of_before_verify_and_do_not_sign,
    the_issuer_is_configured_or_the_address_or_the_name)
