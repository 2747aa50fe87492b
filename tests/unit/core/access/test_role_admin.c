/* Roles, permissions and who has them: rows RB3, RB4, RB8, RB9. */
#include "tests/unit/core/core.h"

#include "core/access/role.h"
#include "core/access/role_admin.h"
#include "core/idempotency.h"

#define SUPER_ONLY STR("roles.write")

static const struct str reads[] = { STR("users.read"), STR("audit.read"),
	STR("users.read") };

/* Who may do all, and acts in his session. */
static struct str
super(void)
{
	struct person p = core_holder("root", "super_admin");

	core_by(p.session);
	return p.account.id;
}

START_TEST(a_role_is_made_and_found_by_id_and_name)
{
	struct str actor = super();
	struct role made, got;

	ck_ok(role_create(&x, actor, STR("support"), STR("Helps"), reads, 3,
	    &made));
	ck_str(made.name, "support");
	ck_str(made.description, "Helps");
	ck_str(made.permissions, "audit.read,users.read");
	ck_assert(made.is_active && !made.is_system);
	ck_ok(role_get(&x, made.id, &got));
	ck_str(got.name, "support");
	ck_ok(role_get(&x, STR("support"), &got));
	ck_assert(str_eq(got.id, made.id));
	ck_err(role_get(&x, STR("nothing"), &got), E_NOT_FOUND);
	ck_err(role_create(&x, actor, STR("support"), STR(""), NULL, 0, &got),
	    E_CONFLICT);
	ck_said("name");
	ck_audit("role.create", 1);
}
END_TEST

/* Row RE8: the same key finds the role that it made before. */
START_TEST(the_same_key_makes_one_role)
{
	struct str actor = super();
	struct role one, two;

	x.idempotency_seed = uuid_text(x.arena, uuid_v7());
	ck_ok(role_create(&x, actor, STR("support"), STR(""), NULL, 0, &one));
	ck_ok(role_create(&x, actor, STR("support"), STR(""), NULL, 0, &two));
	ck_assert(str_eq(one.id, two.id));
	ck_audit("role.create", 1);
}
END_TEST

START_TEST(a_name_of_a_role_is_small_letters_and_begins_with_one)
{
	static const char *const bad[] = { "", "Support", "1st", "a b", "a,b",
		"a/b", "-a",
		"aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeef" };
	struct str actor = super();
	struct role r;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		x.problem = (struct problem){ 0 };
		ck_err(role_create(&x, actor, str_of(bad[i]), STR(""), NULL, 0,
		    &r), E_VALIDATION);
		ck_assert_str_eq(x.problem.field, "name");
	}
	ck_ok(role_create(&x, actor, STR("a9_.-"), STR(""), NULL, 0, &r));
	ck_err(role_update(&x, actor, STR("a9_.-"), STR("A"), STR_NONE, -1,
	    &r), E_VALIDATION);
	ck_audit("role.create", 1);
}
END_TEST

START_TEST(only_permissions_that_exist_are_given)
{
	static const struct str bad[][2] = {
		{ STR("users.read"), STR("users.fly") },
		{ STR("users.read,audit.read"), STR("users.read") },
	};
	struct str actor = super();
	struct role r;

	for (size_t i = 0; i < 2; i++) {
		ck_err(role_create(&x, actor, STR("support"), STR(""), bad[i],
		    2, &r), E_VALIDATION);
		ck_assert_str_eq(x.problem.field, "permissions");
	}
	ck_err(role_set_permissions(&x, actor, STR("user"), bad[0], 2, &r),
	    E_VALIDATION);
	ck_sql("0", "select count(*) from roles where not is_system");
}
END_TEST

/* Row RB3. */
START_TEST(nobody_makes_or_changes_what_he_does_not_hold)
{
	struct person p = core_holder("ann", "admin");
	const struct str all[] = { SUPER_ONLY };
	struct role r;

	ck_err(role_create(&x, p.account.id, STR("support"), STR(""), NULL, 0,
	    &r), E_FORBIDDEN);
	ck_err(role_update(&x, p.account.id, STR("super_admin"), STR_NONE,
	    STR("Mine"), -1, &r), E_FORBIDDEN);
	/* who may change roles gives no more than he has */
	core_sql("insert into roles (name, rank) values ('lesser', 5); insert "
	    "into role_permissions select r.id, p.id from roles r, permissions "
	    "p where r.name = 'lesser' and p.name in ('roles.write', "
	    "'users.read'); insert into user_roles (user_id, role_id) select "
	    "u.id, r.id from users u, roles r where r.name = 'lesser'; delete "
	    "from user_roles where role_id = (select id from roles where name "
	    "= 'admin')");
	ck_err(role_create(&x, p.account.id, STR("support"), STR(""), reads,
	    2, &r), E_FORBIDDEN);
	ck_err(role_set_permissions(&x, p.account.id, STR("user"), reads, 2,
	    &r), E_FORBIDDEN);
	ck_err(role_delete(&x, p.account.id, STR("admin")), E_FORBIDDEN);
	ck_ok(role_create(&x, p.account.id, STR("support"), STR(""), all, 1,
	    &r));
	ck_sql("failure", "select distinct result from audit_logs where "
	    "action = 'role.set_permissions' or action = 'role.delete'");
}
END_TEST

START_TEST(a_role_changes_as_far_as_is_given)
{
	struct str actor = super();
	struct role r;

	ck_ok(role_create(&x, actor, STR("support"), STR("Helps"), reads, 1,
	    &r));
	ck_ok(role_update(&x, actor, r.id, STR("helpers"), STR_NONE, -1, &r));
	ck_str(r.name, "helpers");
	ck_str(r.description, "Helps");
	ck_ok(role_update(&x, actor, r.id, STR_NONE, STR("Help"), 0, &r));
	ck_str(r.name, "helpers");
	ck_str(r.description, "Help");
	ck_assert(!r.is_active);
	ck_err(role_update(&x, actor, r.id, STR("admin"), STR_NONE, -1, &r),
	    E_CONFLICT);
	ck_err(role_update(&x, actor, STR("none"), STR_NONE, STR_NONE, -1,
	    &r), E_NOT_FOUND);
}
END_TEST

START_TEST(the_seeded_roles_stay)
{
	struct str actor = super();
	struct role r;

	ck_err(role_delete(&x, actor, STR("user")), E_FORBIDDEN);
	ck_said("part of the service");
	ck_err(role_update(&x, actor, STR("admin"), STR("boss"), STR_NONE, -1,
	    &r), E_FORBIDDEN);
	ck_err(role_update(&x, actor, STR("admin"), STR_NONE, STR_NONE, 0,
	    &r), E_FORBIDDEN);
	ck_err(role_set_permissions(&x, actor, STR("super_admin"), reads, 1,
	    &r), E_FORBIDDEN);
	ck_ok(role_update(&x, actor, STR("admin"), STR_NONE, STR("Runs it"),
	    -1, &r));
}
END_TEST

START_TEST(a_role_that_goes_is_taken_from_everybody)
{
	struct str actor = super();
	struct person p;
	struct role r;

	ck_ok(role_create(&x, actor, STR("support"), STR(""), reads, 1, &r));
	core_by(NULL);
	p = core_holder("ann", "support");
	ck_str(p.account.roles, "support,user");
	ck_ok(role_delete(&x, actor, STR("support")));
	ck_str(core_session(p.tokens->access)->account.roles, "user");
	ck_err(role_delete(&x, actor, STR("support")), E_NOT_FOUND);
	ck_audit("role.delete", 1);
}
END_TEST

/* Row RB8: what a role gives is known with the next request. */
START_TEST(set_permissions_are_those_and_no_others)
{
	struct str actor = super();
	struct person p;
	struct role r;

	core_by(NULL);
	p = core_person("ann");
	ck_err(role_holds(&x, p.account.roles, p.session->role_version,
	    "users.read"), E_FORBIDDEN);
	ck_ok(role_set_permissions(&x, actor, STR("user"), reads, 3, &r));
	ck_str(r.permissions, "audit.read,users.read");
	p.session = core_session(p.tokens->access);
	ck_ok(role_holds(&x, p.account.roles, p.session->role_version,
	    "users.read"));
	ck_ok(role_set_permissions(&x, actor, STR("user"), NULL, 0, &r));
	ck_assert_uint_eq(r.permissions.n, 0);
	p.session = core_session(p.tokens->access);
	ck_err(role_holds(&x, p.account.roles, p.session->role_version,
	    "users.read"), E_FORBIDDEN);
	ck_err(role_set_permissions(&x, actor, STR("none"), NULL, 0, &r),
	    E_NOT_FOUND);
}
END_TEST

START_TEST(roles_are_listed_the_seeded_and_highest_first)
{
	struct str actor = super();
	struct role *list, r;
	int64_t total;
	size_t n;

	ck_ok(role_create(&x, actor, STR("aaa"), STR(""), NULL, 0, &r));
	ck_ok(role_list(&x, 10, 0, &list, &n, &total));
	ck_assert_int_eq(total, 4);
	ck_assert_uint_eq(n, 4);
	ck_str(list[0].name, "super_admin");
	ck_str(list[2].name, "user");
	ck_str(list[3].name, "aaa");
	ck_ok(role_list(&x, 1, 1, &list, &n, &total));
	ck_assert_uint_eq(n, 1);
	ck_str(list[0].name, "admin");
	ck_ok(role_list(&x, 1, 9, &list, &n, &total));
	ck_assert(n == 0 && total == 4);
}
END_TEST

START_TEST(a_permission_is_made_once)
{
	struct permission p = { .name = STR("reports.read"),
		.resource = STR("reports"), .action = STR("read") };
	struct str actor = super();
	struct permission made, *list;
	int64_t total;
	size_t n;

	ck_ok(permission_create(&x, actor, &p, &made));
	ck_err(permission_create(&x, actor, &p, &made), E_CONFLICT);
	ck_assert_ptr_nonnull(x.problem.sentence);
	p.name = STR("a,b");
	ck_err(permission_create(&x, actor, &p, &made), E_VALIDATION);
	ck_assert_str_eq(x.problem.field, "name");
	ck_ok(permission_list(&x, 100, 0, &list, &n, &total));
	ck_assert_int_eq((int64_t)n, total);
	ck_sql(text("%zu", n).p, "select count(*) from permissions");
	ck_ok(permission_list(&x, 1, 1000, &list, &n, &total));
	ck_assert_uint_eq(n, 0);
	ck_sql(text("%lld", (long long)total).p,
	    "select count(*) from permissions");
	core_by(NULL);
	ck_err(permission_create(&x, core_person("ann").account.id,
	    &(struct permission){ .name = STR("x"), .resource = STR("x"),
	    .action = STR("x") }, &made), E_FORBIDDEN);
}
END_TEST

/* Row RB3, by id and name; row RB8. */
START_TEST(a_role_is_given_and_taken_by_who_holds_it)
{
	struct person admin_ = core_holder("ann", "admin"),
	    p = core_person("bob");
	struct str number = arena_int(x.arena, p.account.numeric_id);

	core_by(admin_.session);
	ck_err(role_assign(&x, admin_.account.id, number, STR("super_admin")),
	    E_FORBIDDEN);
	ck_ok(role_assign(&x, admin_.account.id, number, STR("admin")));
	ck_str(core_session(p.tokens->access)->account.roles, "admin,user");
	ck_ok(role_unassign(&x, admin_.account.id, p.account.id,
	    STR("admin")));
	ck_str(core_session(p.tokens->access)->account.roles, "user");
	ck_err(role_assign(&x, admin_.account.id, p.account.id,
	    STR("nothing")), E_NOT_FOUND);
	ck_err(role_assign(&x, admin_.account.id, STR("99999"),
	    STR("admin")), E_NOT_FOUND);
	ck_err(role_assign(&x, admin_.account.id, STR("no id"),
	    STR("admin")), E_NOT_FOUND);
	ck_err(role_assign(&x, p.account.id, p.account.id, STR("admin")),
	    E_FORBIDDEN);
}
END_TEST

/* Row RB4. */
START_TEST(the_last_super_admin_stays)
{
	struct str actor = super();

	ck_err(role_unassign(&x, actor, actor, STR("super_admin")),
	    E_LAST_ADMIN);
	core_by(NULL);
	core_holder("ann", "super_admin");
	ck_ok(role_unassign(&x, actor, actor, STR("super_admin")));
}
END_TEST

/* Row SE3: who was signed out meanwhile changes nothing. */
START_TEST(an_actor_whose_session_ended_does_nothing)
{
	struct str actor = super();
	struct role r;

	core_sql("update sessions set ended_at = now()");
	ck_err(role_create(&x, actor, STR("support"), STR(""), NULL, 0, &r),
	    E_TOKEN_INVALID);
	ck_sql("0", "select count(*) from roles where not is_system");
}
END_TEST

START_TEST(a_question_for_a_permission_is_answered_and_written_down)
{
	struct person p = core_holder("ann", "admin"), b = core_person("bob");
	bool allowed;

	ck_ok(permission_check(&x, p.account.id, p.account.id, STR("users"),
	    STR("read"), &allowed));
	ck_assert(allowed);
	ck_ok(permission_check(&x, p.account.id, b.account.id, STR("users"),
	    STR("read"), &allowed));
	ck_assert(!allowed);
	ck_ok(permission_check(&x, p.account.id, p.account.id, STR("users"),
	    STR("fly"), &allowed));
	ck_assert(!allowed);
	core_sql("update users set is_active = false where username = 'ann'");
	ck_ok(permission_check(&x, b.account.id, p.account.id, STR("users"),
	    STR("read"), &allowed));
	ck_assert(!allowed);
	ck_err(permission_check(&x, p.account.id, uuid_text(x.arena,
	    uuid_v7()), STR("users"), STR("read"), &allowed), E_NOT_FOUND);
	ck_sql("4", "select count(*) from audit_logs");
}
END_TEST

START_TEST(permissions_of_several_roles_are_sorted_and_each_once)
{
	struct person p = core_holder("ann", "admin");
	struct str *have;
	size_t n;

	ck_ok(role_permissions(&x, STR("admin,super_admin,admin,nothing"),
	    p.session->role_version, &have, &n));
	ck_sql(text("%zu", n).p, "select count(*) from permissions");
	for (size_t i = 1; i < n; i++)
		ck_assert_int_lt(strcmp(arena_cstr(x.arena, have[i - 1]),
		    arena_cstr(x.arena, have[i])), 0);
	ck_ok(role_permissions(&x, STR(""), 0, &have, &n));
	ck_assert_uint_eq(n, 0);
	ck_str(role_primary(STR("admin,user")), "admin");
	ck_str(role_primary(STR("user")), "user");
	ck_assert_uint_eq(role_primary(STR_NONE).n, 0);
}
END_TEST

CORE_TESTS(role_admin, a_role_is_made_and_found_by_id_and_name,
    the_same_key_makes_one_role,
    a_name_of_a_role_is_small_letters_and_begins_with_one,
    only_permissions_that_exist_are_given,
    nobody_makes_or_changes_what_he_does_not_hold,
    a_role_changes_as_far_as_is_given, the_seeded_roles_stay,
    a_role_that_goes_is_taken_from_everybody,
    set_permissions_are_those_and_no_others,
    roles_are_listed_the_seeded_and_highest_first,
    a_permission_is_made_once, a_role_is_given_and_taken_by_who_holds_it,
    the_last_super_admin_stays, an_actor_whose_session_ended_does_nothing,
    a_question_for_a_permission_is_answered_and_written_down,
    permissions_of_several_roles_are_sorted_and_each_once)
