/* What a role gives: row RB8. */
#include "tests/unit/core/core.h"

#include "core/access/role.h"

/* Row RB8: another permission is known with the next request. */
START_TEST(a_changed_role_counts_at_once)
{
	struct account u;
	struct tokens *t = core_ann(&u);
	struct session *s;
	struct str *have;
	size_t n;

	ck_ok(session_of_token(&x, t->access, NULL, &s));
	ck_ok(role_permissions(&x, s->account.roles, s->role_version, &have,
	    &n));
	ck_assert_int_eq(n, 0);
	core_sql("insert into role_permissions select r.id, p.id from roles "
	    "r, permissions p where r.name = 'user' and p.name = 'stats.read'");
	ck_ok(session_of_token(&x, t->access, NULL, &s));
	ck_ok(role_permissions(&x, s->account.roles, s->role_version, &have,
	    &n));
	ck_assert_int_eq(n, 1);
	ck_str(have[0], "stats.read");
}
END_TEST

CORE_TESTS(role, a_changed_role_counts_at_once)
