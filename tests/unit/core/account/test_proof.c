/* Codes that prove an address: rows OT1, OT3, OT4. */
#include "tests/unit/core/core.h"

#include "core/account/proof.h"

static enum err
prove(struct str email, struct str otp, struct account *out)
{
	const struct proof p = { .email = email, .otp = otp };
	bool without;

	return proof_confirm(&x, &p, out, &without);
}

/* Rows OT1, OT4: three attempts a code, then it is dead. */
START_TEST(three_wrong_codes_kill_the_code)
{
	struct account u, out;
	struct str id, mac, wrong = STR("000000");

	core_ann(&u);
	id = arena_str(x.arena, str_of(core_sql("select id from one_time")));
	mac = token_code_mac(x.arena, x.keys, id, "verify", STR("424242"));
	core_sql("update one_time set mac = '\\x%s'", hex_encode(x.arena,
	    mac).p);
	for (int i = 0; i < 3; i++)
		ck_err(prove(u.email, wrong, &out), E_BAD_CODE);
	ck_err(prove(u.email, STR("424242"), &out), E_BAD_CODE);
	core_sql("update one_time set attempts = 0");
	ck_ok(prove(u.email, STR("424242"), &out));
	ck_assert(out.is_verified);
	ck_err(prove(u.email, STR("424242"), &out), E_BAD_CODE);
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

	core_ann(&u);
	ck_ok(account_register(&x, &r, &bob, &t));
	id = arena_str(x.arena, str_of(core_sql("select o.id from one_time o "
	    "join users u on u.id = user_id where username = 'Ann'")));
	mac = token_code_mac(x.arena, x.keys, id, "verify", STR("424242"));
	core_sql("update one_time set mac = '\\x%s'", hex_encode(x.arena,
	    mac).p);
	ck_err(prove(bob.email, STR("424242"), &out), E_BAD_CODE);
	ck_ok(prove(u.email, STR("424242"), &out));
}
END_TEST

CORE_TESTS(proof, three_wrong_codes_kill_the_code, a_code_is_bound_to_its_row)
