#include <stdio.h>

#include <sodium.h>

#include "base/encoding.h"
#include "crypto/token.h"
#include "ctl/ctl.h"

#define CODES 1000000 /* six digits */
#define CODES_AT_ONCE 1000

/*
 * Only the MAC of a code is kept; whoever has the key can find six digits by
 * trying all.
 */
static struct str
find_code(struct ctl *c, struct str id, const char *purpose, struct str mac)
{
	struct arena *a = arena_new((size_t)8 << 20);
	struct str found = STR_NONE;
	char digits[16];

	for (int i = 0; i < CODES && found.n == 0; i++) {
		struct str code = { digits, 6 }, m;

		snprintf(digits, sizeof(digits), "%06d", i);
		m = token_code_mac(a, c->keys, id, purpose, code);
		if (m.n == mac.n && sodium_memcmp(m.p, mac.p, m.n) == 0)
			found = arena_str(c->arena, code);
		if (i % CODES_AT_ONCE == 0)
			arena_reset(a);
	}
	arena_free(&a);
	return found;
}

static struct str
derive_code(struct ctl *c, struct str id, struct str purpose)
{
	struct uuid u;

	if (!uuid_parse(id, &u))
		return STR_NONE;
	if (str_eq(purpose, STR("reset")))
		return token_make(c->arena, c->keys, TOKEN_RESET, u, 0);
	if (str_eq(purpose, STR("email")))
		return token_make(c->arena, c->keys, TOKEN_EMAIL, u, 0);
	if (str_eq(purpose, STR("undo")))
		return token_make(c->arena, c->keys, TOKEN_UNDO, u, 0);
	return STR_NONE;
}

static int
run_last_token(struct ctl *c)
{
	struct ctl_one_time_row row;
	cJSON *answer = json_object();
	struct str token;
	struct rows *r;
	enum err e;

	if (strcmp(c->config->environment, "development") != 0)
		return ctl_fail(E_FORBIDDEN, "only where service.environment "
		    "is development");
	e = db_run(c->db, c->arena, SQL(ctl_one_time,
	    .email = str_of(c->args[0])), &r);
	if (e != E_OK)
		return ctl_fail_db(c, e);
	if (r->n == 0)
		return ctl_fail(E_NOT_FOUND, "there is no live token of %s",
		    c->args[0]);
	row = ctl_one_time_row(r, 0);
	token = row.mac.n ? find_code(c, row.id, row.purpose.p, row.mac) :
	    derive_code(c, row.id, row.purpose);
	if (token.n == 0)
		return ctl_fail(E_INTERNAL, "the key it was made with is not "
		    "in force any more");
	if (!c->json) {
		printf("%.*s\n", STR_FMT(token));
		return CTL_OK;
	}
	json_add_str(answer, "purpose", row.purpose);
	json_add_str(answer, "token", token);
	json_add_str(answer, "destination", row.destination);
	json_add_time(answer, "expires_at", row.expires_at);
	return ctl_print(c, answer);
}

const struct ctl_command ctl_dev[] = {
	{ "dev last-token", "EMAIL", 1, 1, CTL_NEEDS_DB, NULL,
	    run_last_token,
	    "The newest live code or link token; in development only" },
	{ 0 },
};
