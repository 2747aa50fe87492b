/* Accounts as administration sees and changes them: rows RB3 to RB9. */
#include "tests/unit/core/core.h"

#include "core/account/admin_user.h"
#include "core/account/password_change.h"

static struct person boss;

static struct str
begin(void)
{
	boss = core_holder("boss", "admin");
	core_by(boss.session);
	return boss.account.id;
}

static struct person
other(const char *name)
{
	struct person p;

	core_by(NULL);
	p = core_person(name);
	core_by(boss.session);
	return p;
}

static size_t
found(struct admin_user_filter f, struct admin_user **list, int64_t *total)
{
	size_t n;

	if (f.limit == 0)
		f.limit = 10;
	ck_ok(admin_user_list(&x, &f, list, &n, total));
	return n;
}

#define ANY .active = -1, .verified = -1

/* Row RB9: newest first, and on by key. */
START_TEST(accounts_are_found_by_what_narrows)
{
	struct admin_user *list;
	int64_t total;

	begin();
	other("ann");
	other("bob");
	core_sql("update users set full_name = 'Ann Lee', is_active = false "
	    "where username = 'ann'; update users set is_verified = false "
	    "where username = 'bob'");
	ck_assert_uint_eq(found((struct admin_user_filter){ ANY }, &list,
	    &total), 3);
	ck_assert_int_eq(total, 3);
	ck_str(list[0].account.username, "bob");
	ck_assert_uint_eq(found((struct admin_user_filter){ ANY,
	    .after = list[0].account.id }, &list, &total), 2);
	ck_str(list[0].account.username, "ann");
	ck_assert_uint_eq(found((struct admin_user_filter){ ANY,
	    .search = STR("Lee") }, &list, &total), 1);
	ck_assert_uint_eq(found((struct admin_user_filter){ ANY,
	    .search = STR("AN") }, &list, &total), 1);
	ck_assert_uint_eq(found((struct admin_user_filter){ ANY,
	    .search = STR("%_") }, &list, &total), 0);
	ck_assert_uint_eq(found((struct admin_user_filter){ ANY,
	    .search = STR("\\") }, &list, &total), 0);
	ck_assert_uint_eq(found((struct admin_user_filter){ ANY,
	    .role = STR("admin") }, &list, &total), 1);
	ck_str(list[0].account.username, "boss");
	ck_assert_uint_eq(found((struct admin_user_filter){ .active = 0,
	    .verified = -1 }, &list, &total), 1);
	ck_str(list[0].account.username, "ann");
	ck_assert_uint_eq(found((struct admin_user_filter){ .active = -1,
	    .verified = 0 }, &list, &total), 1);
	ck_str(list[0].account.username, "bob");
	ck_assert_uint_eq(found((struct admin_user_filter){ ANY,
	    .limit = 1, .offset = 7 }, &list, &total), 0);
	ck_assert_int_eq(total, 3);
}
END_TEST

START_TEST(an_account_is_shown_by_either_id)
{
	struct admin_user u;
	struct person p;

	begin();
	p = other("ann");
	ck_ok(admin_user_get(&x, arena_int(x.arena, p.account.numeric_id),
	    &u));
	ck_str(u.account.username, "ann");
	ck_assert_int_eq(u.sessions, 1);
	ck_assert_int_eq(u.locked_until, 0);
	ck_ok(admin_user_get(&x, p.account.id, &u));
	ck_err(admin_user_get(&x, STR("0"), &u), E_NOT_FOUND);
	ck_err(admin_user_get(&x, STR("99999"), &u), E_NOT_FOUND);
	ck_err(admin_user_get(&x, STR("ann"), &u), E_NOT_FOUND);
	ck_err(admin_user_get(&x, uuid_text(x.arena, uuid_v7()), &u),
	    E_NOT_FOUND);
}
END_TEST

/* Rows RB3, PR8. */
START_TEST(an_account_is_made_with_a_role_that_its_maker_holds)
{
	struct admin_user_wish w = { .as = { .username = STR("eve"),
		.email = STR("eve@example.com") }, .verified = true,
		.active = true };
	struct str actor = begin();
	struct admin_user u;

	ck_ok(admin_user_create(&x, actor, &w, &u));
	ck_str(u.account.roles, "user");
	ck_assert(u.account.is_verified && u.account.is_active);
	ck_sql("t", "select password_hash is null from users where username "
	    "= 'eve'");
	ck_err(admin_user_create(&x, actor, &w, &u), E_EMAIL_TAKEN);
	w.as.email = STR("eva@example.com");
	ck_err(admin_user_create(&x, actor, &w, &u), E_USERNAME_TAKEN);
	w.as.username = STR("eva");
	w.role = STR("nothing");
	ck_err(admin_user_create(&x, actor, &w, &u), E_VALIDATION);
	ck_assert_str_eq(x.problem.field, "role");
	w.role = STR("super_admin");
	ck_err(admin_user_create(&x, actor, &w, &u), E_FORBIDDEN);
	w.role = STR("admin");
	w.as.password = STR("short");
	ck_err(admin_user_create(&x, actor, &w, &u), E_VALIDATION);
	ck_assert_str_eq(x.problem.field, "password");
	w.as.password = STR(PASSWORD);
	ck_ok(admin_user_create(&x, actor, &w, &u));
	ck_str(u.account.roles, "admin");
	core_login("eva");
	ck_sql("2", "select count(*) from audit_logs where action = "
	    "'user.create' and result = 'success'");
}
END_TEST

/* Row RB3: who gives more than the actor has is out of his reach. */
START_TEST(nobody_acts_on_who_holds_more)
{
	struct str actor = begin();
	struct person root;

	core_by(NULL);
	root = core_holder("root", "super_admin");
	core_by(boss.session);
	for (int act = ADMIN_ACTIVATE; act <= ADMIN_END_SESSIONS; act++)
		ck_err(admin_user_act(&x, actor, root.account.id, act, NULL),
		    E_FORBIDDEN);
	ck_ok(core_alive(root.tokens->access));
	ck_sql("6", "select count(*) from audit_logs where result = "
	    "'failure'");
}
END_TEST

/* Rows RB4, RB8, SE3. */
START_TEST(deactivation_holds_on_the_next_request)
{
	struct str actor = begin();
	struct person p = other("ann");
	int64_t ended;

	ck_err(admin_user_act(&x, actor, actor, ADMIN_DEACTIVATE, NULL),
	    E_FORBIDDEN);
	ck_said("your own account");
	ck_ok(admin_user_act(&x, actor, p.account.id, ADMIN_DEACTIVATE,
	    NULL));
	ck_err(core_alive(p.tokens->access), E_TOKEN_INVALID);
	ck_ok(admin_user_act(&x, actor, p.account.id, ADMIN_ACTIVATE, NULL));
	core_login("ann");
	core_login("ann");
	ck_ok(admin_user_act(&x, actor, p.account.id, ADMIN_END_SESSIONS,
	    &ended));
	ck_assert_int_eq(ended, 2);
	ck_ok(admin_user_act(&x, actor, p.account.id, ADMIN_DELETE, &ended));
	ck_assert_int_eq(ended, 0);
	ck_err(admin_user_act(&x, actor, p.account.id, ADMIN_DELETE, NULL),
	    E_NOT_FOUND);
	ck_sql("1", "select count(*) from audit_logs where action = "
	    "'user.delete' and user_id = '%s'", p.account.id.p);
}
END_TEST

/* Row RB4: a change that is refused in part is not made in part. */
START_TEST(a_change_and_a_deactivation_are_one)
{
	struct registration r = { .first_name = STR("New") };
	struct str actor = begin();
	struct person p = other("ann");
	struct admin_user u;

	ck_err(admin_user_update(&x, actor, actor, &r, -1, 0, &u),
	    E_FORBIDDEN);
	ck_said("your own account");
	ck_sql("0", "select count(*) from users where first_name = 'New'");
	ck_ok(admin_user_update(&x, actor, p.account.id, &r, -1, 0, &u));
	ck_str(u.account.first_name, "New");
	ck_assert(!u.account.is_active);
	ck_err(core_alive(p.tokens->access), E_TOKEN_INVALID);
	ck_ok(admin_user_update(&x, actor, p.account.id, &r, -1, 1, &u));
	ck_assert(u.account.is_active);
}
END_TEST

/* Rows PR8, RL4. */
START_TEST(a_reset_is_caused_and_a_lock_lifted)
{
	const struct credentials good = { .identifier = STR("ann"),
		.password = STR(PASSWORD) }, bad = {
		.identifier = STR("ann"), .password = STR("Wrong-Horse-7") };
	struct str actor = begin();
	struct person p = other("ann");
	struct admin_user u;
	struct login l;

	for (long i = 0; i < config.lock_attempts; i++)
		ck_err(login(&x, &bad, &l), E_CREDENTIALS);
	ck_err(login(&x, &good, &l), E_LOCKED);
	ck_ok(admin_user_get(&x, p.account.id, &u));
	ck_assert_int_gt(u.locked_until, clock_wall());
	ck_ok(admin_user_act(&x, actor, p.account.id, ADMIN_UNLOCK, NULL));
	ck_ok(login(&x, &good, &l));
	ck_ok(admin_user_act(&x, actor, p.account.id, ADMIN_REQUIRE_RESET,
	    NULL));
	ck_err(core_alive(l.tokens->access), E_TOKEN_INVALID);
	ck_err(login(&x, &good, &l), E_RESET_REQUIRED);
	ck_ok(admin_user_get(&x, p.account.id, &u));
	ck_assert(u.must_reset_password && u.sessions == 0);
	ck_ok(password_reset_request(&x, p.account.email));
	ck_ok(password_reset_confirm(&x, core_mail("reset", NULL, "token"),
	    STR("Other-Horse-8")));
	ck_ok(admin_user_get(&x, p.account.id, &u));
	ck_assert(!u.must_reset_password);
}
END_TEST

/* Row EC1: whatever is said of it, a new address must prove itself. */
START_TEST(a_new_address_is_proved_and_may_be_taken_back)
{
	struct registration r = { .first_name = STR("Ann") };
	struct str actor = begin();
	struct person p = other("ann");
	struct admin_user u;

	ck_ok(admin_user_update(&x, actor, p.account.id, &r, 0, -1, &u));
	ck_str(u.account.full_name, "Ann");
	ck_assert(!u.account.is_verified);
	ck_ok(admin_user_update(&x, actor, p.account.id, &r, 1, -1, &u));
	ck_assert(u.account.is_verified && u.account.is_active);
	r = (struct registration){ .email = STR("ann@example.com") };
	ck_ok(admin_user_update(&x, actor, p.account.id, &r, -1, -1, &u));
	ck_ok(core_alive(p.tokens->access));
	r.email = STR("new@example.org");
	ck_ok(admin_user_update(&x, actor, p.account.id, &r, 1, -1, &u));
	ck_str(u.account.email, "new@example.org");
	ck_assert(!u.account.is_verified);
	ck_err(core_alive(p.tokens->access), E_TOKEN_INVALID);
	ck_assert_int_eq(core_mails("verify", "new@example.org"), 1);
	ck_assert_int_eq(core_mails("email-changed", "ann@example.com"), 1);
	r.email = boss.account.email;
	ck_err(admin_user_update(&x, actor, p.account.id, &r, -1, -1, &u),
	    E_EMAIL_TAKEN);
	r = (struct registration){ .username = STR("BOSS") };
	ck_err(admin_user_update(&x, actor, p.account.id, &r, -1, -1, &u),
	    E_USERNAME_TAKEN);
	r = (struct registration){ 0 };
	ck_ok(admin_user_update(&x, actor, p.account.id, &r, -1, 0, &u));
	ck_assert(!u.account.is_active);
	ck_ok(admin_user_update(&x, actor, p.account.id, &r, -1, 1, &u));
	ck_assert(u.account.is_active);
	ck_err(admin_user_update(&x, actor, STR("99999"), &r, -1, -1, &u),
	    E_NOT_FOUND);
}
END_TEST

START_TEST(numbers_for_a_dashboard_are_those_of_the_tables)
{
	struct str actor = begin();
	struct admin_stats s;
	int64_t deleted;

	other("ann");
	core_sql("update users set is_active = false, is_verified = false "
	    "where username = 'ann'");
	core_login("boss");
	ck_ok(admin_stats(&x, &s));
	ck_assert_int_ge(s.users, 2);
	ck_assert_int_eq(s.inactive, 1);
	ck_assert_int_eq(s.unverified, 1);
	ck_assert_int_eq(s.sessions, 3);
	ck_assert_int_eq(s.roles, 3);
	ck_assert_int_eq(s.logins, 1);
	ck_assert_int_eq(s.failed_logins, 0);
	core_sql("update sessions set expires_at = now() where user_id = "
	    "(select id from users where username = 'ann')");
	ck_ok(admin_cleanup_sessions(&x, actor, &deleted));
	ck_assert_int_eq(deleted, 1);
	ck_audit("session.cleanup", 1);
}
END_TEST

CORE_TESTS(admin_user, accounts_are_found_by_what_narrows,
    an_account_is_shown_by_either_id,
    an_account_is_made_with_a_role_that_its_maker_holds,
    nobody_acts_on_who_holds_more, deactivation_holds_on_the_next_request,
    a_change_and_a_deactivation_are_one,
    a_reset_is_caused_and_a_lock_lifted,
    a_new_address_is_proved_and_may_be_taken_back,
    numbers_for_a_dashboard_are_those_of_the_tables)
