/* The audit log, and who is turned away: row RB7. */
#include "tests/unit/core/core.h"

#include "core/access/admin.h"
#include "core/access/audit.h"
#include "core/access/refusal.h"

#define HOUR (3600 * CLOCK_SECOND)

/* Row RB7. */
START_TEST(administration_comes_from_its_networks)
{
	struct session s = { .account = { .roles = STR("admin,user") } };

	s.account.id = core_person("ann").account.id;
	ck_ok(admin_network(&x, &s));
	config.ip_whitelist = true;
	config.admin_networks = "203.0.113.0/24";
	ck_err(admin_network(&x, &s), E_NETWORK);
	ck_audit("admin.network", 1);
	x.client = STR("203.0.113.5");
	ck_ok(admin_network(&x, &s));
	x.client = STR("127.0.0.1");
	ck_err(admin_network(&x, &s), E_NETWORK);
	config.environment = "development";
	ck_ok(admin_network(&x, &s));
	s.account.roles = STR("super_admin,user");
	ck_err(admin_network(&x, &s), E_NETWORK);
	admin_refused(&x, &s, "admin.refused", "no factor");
	ck_sql("no factor", "select reason from audit_logs where action = "
	    "'admin.refused' and result = 'failure'");
}
END_TEST

/* One a minute for each network, reason and id. */
START_TEST(a_refusal_is_written_down_once_a_minute)
{
	ck_assert(refusal_due(&x, "why", STR("a")));
	ck_assert(!refusal_due(&x, "why", STR("a")));
	x.client = STR("198.51.100.1");
	ck_assert(refusal_due(&x, "why", STR("a")));
}
END_TEST

/* A log of three lines; whose the second is. */
static struct str
log_of_three(void)
{
	struct person p = core_person("ann");

	core_sql("insert into audit_logs (action, resource, result, "
	    "ip_address) values ('auth.login', 'users', 'failure', "
	    "'192.0.2.9')");
	core_sql("insert into audit_logs (user_id, action, resource, result, "
	    "ip_address) values ('%s', 'auth.login', 'users', 'success', "
	    "'2001:db8::1')", p.account.id.p);
	core_sql("insert into audit_logs (action, resource, result, "
	    "ip_address) values ('role.create', 'roles', 'success', "
	    "'192.0.2.7')");
	return arena_int(x.arena, p.account.numeric_id);
}

START_TEST(the_log_is_found_by_what_narrows)
{
	struct str number = log_of_three();
	const struct audit_filter filters[] = {
		{ .limit = 9 }, { .limit = 9, .action = STR("auth.login") },
		{ .limit = 9, .result = STR("success") },
		{ .limit = 9, .ip_address = STR("192.0.2.0/24") },
		{ .limit = 9, .ip_address = STR("2001:DB8:0::1") },
		{ .limit = 9, .user = number }, { .limit = 2 },
		{ .limit = 9, .offset = 9 },
		{ .limit = 9, .from = clock_wall() + HOUR },
		{ .limit = 9, .to = clock_wall() - HOUR },
	};
	const struct { size_t n; int64_t total; } want[] = { { 3, 3 },
		{ 2, 2 }, { 2, 2 }, { 2, 2 }, { 1, 1 }, { 1, 1 }, { 2, 3 },
		{ 0, 3 }, { 0, 0 }, { 0, 0 } };
	struct audit_row *rows;
	int64_t total;
	size_t n;

	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		ck_ok(audit_list(&x, &filters[i], &rows, &n, &total));
		ck_assert_msg(n == want[i].n && total == want[i].total,
		    "%zu: %zu of %lld", i, n, (long long)total);
	}
	ck_ok(audit_list(&x, &filters[0], &rows, &n, &total));
	ck_str(rows[0].action, "role.create"); /* newest first */
	ck_str(rows[0].ip_address, "192.0.2.7");
	ck_ok(audit_page(&x, &(struct audit_filter){ .limit = 9,
	    .after = rows[0].id }, &rows, &n));
	ck_assert_uint_eq(n, 2);
	ck_assert(rows[0].id > rows[1].id && rows[0].user_id.n > 0);
}
END_TEST

START_TEST(a_filter_that_cannot_be_is_refused_by_its_field)
{
	static const struct {
		struct audit_filter f;
		const char *field;
	} bad[] = {
		{ { .action = STR("login") }, "action" },
		{ { .action = STR(".login") }, "action" },
		{ { .action = STR("auth.") }, "action" },
		{ { .action = STR("Auth.login") }, "action" },
		{ { .action = STR("auth.login.x") }, "action" },
		{ { .ip_address = STR("300.1.1.1") }, "ip_address" },
		{ { .ip_address = STR("10.0.0.0/40") }, "ip_address" },
	};
	struct audit_filter f;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		f = bad[i].f;
		x.problem = (struct problem){ 0 };
		ck_err(audit_filter_check(&x, &f), E_VALIDATION);
		ck_assert_str_eq(x.problem.field, bad[i].field);
	}
	f = (struct audit_filter){ .action = STR("2fa.enabled") };
	ck_ok(audit_filter_check(&x, &f));
	f = (struct audit_filter){ .user = STR("99999") };
	ck_err(audit_filter_check(&x, &f), E_NOT_FOUND);
}
END_TEST

CORE_TESTS(audit, administration_comes_from_its_networks,
    a_refusal_is_written_down_once_a_minute, the_log_is_found_by_what_narrows,
    a_filter_that_cannot_be_is_refused_by_its_field)
