#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "store/migrate.h"
#include "store/pg/db_private.h"
#include "store/schema.h"

#include "tests/unit/scratch.h"
#include "tests/unit/unit.h"

#define TURKISH "locale_provider icu icu_locale 'tr-TR' template template0"
#define OWNER scratch_in("fresh", "postern_owner")

static PGconn *admin;
static const char *why;

static void
setup(void)
{
	a = arena_new(64u << 20);
	ck_assert(log_open("test", "/dev/null", LOG_DEBUG_));
	scratch_database("fresh");
	admin = scratch_admin("fresh");
}

static void
teardown(void)
{
	PQfinish(admin);
	arena_free(&a);
}

static enum err
migrate(const char *role)
{
	int n;
	enum err e = migrate_run(a, OWNER, role, &n, &why);

	/* a reason and a failure go together */
	ck_assert((e == E_OK) == (*why == 0));
	return e;
}

static enum err
check_as(const char *user)
{
	struct db_options o = { scratch_in("fresh", user),
		2 * CLOCK_SECOND, 5 * CLOCK_SECOND, 0, false, false };
	struct db *d = db_new(&o);
	enum err e = migrate_check(d, a, &why);

	db_close(&d);
	return e;
}

static long
number(const char *sql)
{
	return strtol(scratch_sql(admin, sql), NULL, 10);
}

START_TEST(migrating_twice_changes_nothing)
{
	int n;

	ck_assert_int_eq(migrate_run(a, OWNER, "postern", &n, &why), E_OK);
	ck_assert_int_eq(n, schema_count);
	ck_assert_int_eq(migrate_run(a, OWNER, "postern", &n, &why), E_OK);
	ck_assert_int_eq(n, 0);
	ck_assert_int_eq(number("select count(*) from schema_migrations"),
	    schema_count);
}
END_TEST

/* Security row CF8: one lock for all who migrate. */
START_TEST(two_at_once_migrate_once)
{
	enum { N = 3 };
	pid_t pid[N];
	int status;

	for (int i = 0; i < N; i++)
		if ((pid[i] = fork()) == 0)
			_exit((int)migrate_run(a, OWNER, "postern", NULL,
			    &why));
	for (int i = 0; i < N; i++) {
		waitpid(pid[i], &status, 0);
		ck_assert_int_eq(status, 0);
	}
	ck_assert_int_eq(number("select count(*) from schema_migrations"),
	    schema_count);
	ck_assert_int_eq(check_as("postern"), E_OK);
}
END_TEST

START_TEST(a_changed_migration_is_refused_by_its_name)
{
	ck_assert_int_eq(migrate("postern"), E_OK);
	scratch_sql(admin, "update schema_migrations set sha256 = 'other' "
	    "where version = 0");
	ck_assert_int_eq(migrate("postern"), E_CONFLICT);
	ck_assert_ptr_nonnull(strstr(why, "0000_base.sql"));
	ck_assert_int_eq(check_as("postern"), E_CONFLICT);
}
END_TEST

/* Programs one version apart run together, the older one says so. */
START_TEST(a_newer_schema_is_said_to_be_fine)
{
	ck_assert_int_eq(migrate("postern"), E_OK);
	scratch_sql(admin, "insert into schema_migrations values "
	    "(9000, '9000_moon.sql', 'x')");
	ck_assert_int_eq(migrate("postern"), E_OK);
	ck_assert_int_eq(check_as("postern"), E_OK);
	ck_assert_ptr_nonnull(strstr(why, "9000_moon.sql"));
	ck_assert_ptr_nonnull(strstr(why, "fine"));
}
END_TEST

/* Security row CF8: a program that is too old stays away. */
START_TEST(a_schema_for_newer_programs_is_refused)
{
	ck_assert_int_eq(migrate("postern"), E_OK);
	scratch_sql(admin, "insert into schema_migrations values "
	    "(9000, '9000_moon.sql', 'x'); comment on table "
	    "schema_migrations is 'oldest program: 8999'");
	ck_assert_int_eq(migrate("postern"), E_CONFLICT);
	ck_assert_ptr_nonnull(strstr(why, "9000_moon.sql"));
	ck_assert_int_eq(check_as("postern"), E_CONFLICT);
}
END_TEST

START_TEST(an_empty_database_is_not_ready)
{
	ck_assert_int_eq(check_as("postern_owner"), E_CONFLICT);
	ck_assert_ptr_nonnull(strstr(why, "0000_base.sql"));
}
END_TEST

START_TEST(a_failing_migration_leaves_nothing_of_itself)
{
	/* stands in the way of 0001, somewhere behind its first table */
	scratch_sql(admin, "create table sessions (x int)");
	ck_assert_int_eq(migrate("postern"), E_INTERNAL);
	ck_assert_ptr_nonnull(strstr(why, "0001_"));
	ck_assert_ptr_nonnull(strstr(why, "sessions"));
	ck_assert_int_eq(number("select count(*) from schema_migrations"), 1);
	ck_assert_int_eq(number("select count(*) from pg_tables where "
	    "schemaname = 'public'"), 2);
	scratch_sql(admin, "drop table sessions");
	ck_assert_int_eq(migrate("postern"), E_OK);
}
END_TEST

/* The programs run meanwhile: no migration is there without the rights. */
START_TEST(rights_come_with_the_migration_that_needs_them)
{
	scratch_sql(admin, "create table sessions (x int)");
	ck_assert_int_eq(migrate("postern"), E_INTERNAL);
	scratch_sql(admin, "drop table sessions; create table audit_retention "
	    "(x int); grant select on schema_migrations to postern");
	ck_assert_int_eq(migrate("postern"), E_INTERNAL);
	ck_assert_ptr_nonnull(strstr(why, "audit_retention"));
	ck_assert_str_eq(scratch_sql(admin, "select bool_and("
	    "has_table_privilege('postern', c.oid, 'select')) from pg_class c "
	    "where relnamespace = 'public'::regnamespace and relkind = 'r' "
	    "and not relispartition and relname <> 'audit_retention'"), "t");
}
END_TEST

START_TEST(a_role_that_is_not_there_is_named)
{
	ck_assert_int_eq(migrate("nobody-here"), E_NOT_FOUND);
	ck_assert_ptr_nonnull(strstr(why, "nobody-here"));
	ck_assert_int_eq(migrate("x\" superuser; --"), E_NOT_FOUND);
	ck_assert_int_eq(migrate("postern_owner"), E_OK);
	ck_assert_int_eq(migrate(""), E_OK);
}
END_TEST

static const struct {
	const char *sql;
	bool allowed;
} deeds[] = {
	{ "select count(*) from users", true },
	{ "delete from users", true },
	{ "select count(*) from schema_migrations", true },
	{ "select to_us(now())", true },
	{ "insert into log_of_deeds (x) values (1)", true },
	{ "insert into log_of_deeds (x, at) values (1, 'infinity')", false },
	{ "insert into log_of_deeds (x, n) overriding system value "
	  "values (1, 1)", false },
	{ "select count(*) from log_of_deeds", true },
	{ "update log_of_deeds set x = 2", false },
	{ "delete from log_of_deeds", false },
	{ "truncate log_of_deeds", false },
	{ "delete from schema_migrations", false },
	{ "create table mine (x int)", false },
	{ "drop table users", false },
	{ "alter table users add mine int", false },
	{ "truncate users", false },
};

/* Security row CF6: rows, never shape; what is append-only stays written. */
START_TEST(the_application_has_rows_but_no_shape)
{
	PGconn *app;
	PGresult *r;
	const char *state;

	scratch_sql(admin, "set role postern_owner; create table log_of_deeds "
	    "(x int, n int generated always as identity, at timestamptz "
	    "default now()); "
	    "comment on table log_of_deeds is 'append-only: test'; "
	    "grant all on log_of_deeds to postern; reset role");
	ck_assert_int_eq(migrate("postern"), E_OK);
	app = PQconnectdb(scratch_in("fresh", "postern"));
	r = PQexec(app, deeds[_i].sql);
	state = PQresultErrorField(r, PG_DIAG_SQLSTATE);
	if (deeds[_i].allowed)
		ck_assert_msg(!state, "%s: %s", deeds[_i].sql, state);
	else
		ck_assert_str_eq(state ? state : "allowed", "42501");
	PQclear(r);
	PQfinish(app);
}
END_TEST

START_TEST(time_limits_are_set_by_who_may)
{
	ck_assert_int_eq(migrate_run(a, scratch_in("fresh", "postgres"),
	    "postern", NULL, &why), E_OK);
	ck_assert_int_eq(number("select count(*) from pg_db_role_setting s, "
	    "unnest(setconfig) c where setdatabase = (select oid from "
	    "pg_database where datname = 'fresh') and c like '%_timeout=%'"),
	    3);
}
END_TEST

START_TEST(status_shows_what_is_applied)
{
	struct db_options o = { OWNER, 2 * CLOCK_SECOND, 5 * CLOCK_SECOND, 0,
		false, false };
	struct db *d = db_new(&o);
	struct migration_state *s;
	size_t n;

	ck_assert_int_eq(migrate_status(d, a, &s, &n), E_OK);
	ck_assert_uint_eq(n, (size_t)schema_count);
	ck_assert(s[0].known && s[0].applied_at == 0);
	ck_assert_int_eq(migrate(""), E_OK);
	scratch_sql(admin, "insert into schema_migrations values "
	    "(9000, '9000_moon.sql', 'x'); "
	    "update schema_migrations set sha256 = '' where version = 1");
	ck_assert_int_eq(migrate_status(d, a, &s, &n), E_OK);
	ck_assert_uint_eq(n, (size_t)schema_count + 1);
	ck_assert(s[0].applied_at > 0 && !s[0].changed);
	ck_assert(s[1].changed);
	ck_assert(!s[n - 1].known && s[n - 1].version == 9000);
	db_close(&d);
}
END_TEST

/* The schema as it was before a version, in a database of that locale. */
static void
schema_before(int version, const char *options)
{
	char sql[256];

	PQfinish(admin);
	scratch_database_as("fresh", options);
	admin = scratch_admin("fresh");
	scratch_sql(admin, "set role postern_owner");
	scratch_sql(admin, query_table[Q_migration_table].sql);
	for (int i = 0; schema_table[i].version < version; i++) {
		const char *values[] = { schema_table[i].sql };

		scratch_sql(admin, schema_table[i].sql);
		snprintf(sql, sizeof sql, "insert into schema_migrations "
		    "select %d, '%s', encode(sha256(convert_to($1, 'UTF8')), "
		    "'hex')", schema_table[i].version, schema_table[i].file);
		PQclear(PQexecParams(admin, sql, 1, NULL, values, NULL, NULL,
		    0));
	}
	scratch_sql(admin, "reset role");
}

#define ADD_USER(n, name) "insert into users (id, email, username) values " \
	"('00000000-0000-0000-0000-00000000000" n "', 'u" n "@example.com', '" \
	name "')"

static const char *
sqlstate(const char *sql)
{
	static char state[6];
	PGresult *r = PQexec(admin, sql);
	const char *s = PQresultErrorField(r, PG_DIAG_SQLSTATE);

	snprintf(state, sizeof state, "%s", s ? s : "");
	PQclear(r);
	return state;
}

/* In Turkish the small letter of I is no i. */
START_TEST(no_locale_tells_the_cases_of_a_name_apart)
{
	schema_before(0, TURKISH);
	ck_assert_str_ne(scratch_sql(admin, "select lower('KIM')"), "kim");
	ck_assert_int_eq(migrate("postern"), E_OK);
	scratch_sql(admin, ADD_USER("1", "KIM"));
	ck_assert_str_eq(sqlstate(ADD_USER("2", "kim")), "23505");
	ck_assert_int_eq(number("select count(*) from users "
	    "where fold_case(username) = fold_case('kIm')"), 1);
}
END_TEST

/* Nor hides what stands between two signs: what unlocks an account finds it. */
START_TEST(no_locale_hides_the_failures_of_an_account)
{
	struct db_options o = { NULL, 2 * CLOCK_SECOND, 5 * CLOCK_SECOND, 0,
		false, false };
	struct db *d;

	schema_before(0, TURKISH);
	ck_assert_int_eq(migrate("postern"), E_OK);
	o.conninfo = scratch_in("fresh", "postern");
	d = db_new(&o);
	scratch_sql(admin, ADD_USER("1", "KIM"));
	scratch_sql(admin, "insert into attempts select kind || ':00000000-"
	    "0000-0000-0000-000000000001:10.0.0.1', 5, now() + "
	    "interval '1 hour' from unnest(array['login', 'factor']) kind");
	ck_assert_int_eq(db_run(d, a, SQL(ctl_user_unlock, .user_id =
	    STR("00000000-0000-0000-0000-000000000001")), NULL), E_OK);
	ck_assert_int_eq(number("select count(*) from attempts"), 0);
	db_close(&d);
}
END_TEST

/* The elder keeps the name, nobody is lost, nobody else is renamed. */
START_TEST(names_that_a_locale_told_apart_are_parted)
{
	schema_before(78, TURKISH);
	scratch_sql(admin, ADD_USER("1", "KIM"));
	scratch_sql(admin, ADD_USER("2", "kim"));
	scratch_sql(admin, ADD_USER("3", "Iris"));
	ck_assert_int_eq(migrate("postern"), E_OK);
	ck_assert_str_eq(scratch_sql(admin, "select string_agg(username, ' ' "
	    "order by id) from users"),
	    "KIM kim-00000000000000000000000000000002 Iris");
	ck_assert_str_eq(scratch_sql(admin, "select user_id from audit_logs "
	    "where action = 'user.rename'"),
	    "00000000-0000-0000-0000-000000000002");
}
END_TEST

/* A look-up by name reads one row of an index, in any database. */
START_TEST(a_name_is_found_by_its_index)
{
	char plan[8192];
	PGresult *r;

	schema_before(0, _i ? TURKISH : "");
	ck_assert_int_eq(migrate("postern"), E_OK);
	r = PQexec(admin, "set enable_seqscan = off; explain (format json) "
	    "select 1 from users where fold_case(username) = 'kim' "
	    "union all select 1 from users where fold_case(username) "
	    "like 'kim%'");
	snprintf(plan, sizeof plan, "%s", PQgetvalue(r, 0, 0));
	PQclear(r);
	ck_assert_ptr_nonnull(strstr(plan, "users_username_key"));
	ck_assert_ptr_null(strstr(plan, "Seq Scan"));
}
END_TEST

/* Half of the characters of the world do not fit into any other encoding. */
START_TEST(a_database_that_is_not_utf8_is_refused)
{
	schema_before(0, "encoding 'LATIN1' template template0");
	ck_assert_int_eq(migrate("postern"), E_CONFLICT);
	ck_assert_ptr_nonnull(strstr(why, "LATIN1"));
	ck_assert_ptr_nonnull(strstr(why, "UTF8"));
	ck_assert_int_eq(number("select count(*) from pg_tables where "
	    "tablename <> 'schema_migrations' and schemaname = 'public'"), 0);
	ck_assert_int_eq(check_as("postern_owner"), E_CONFLICT);
}
END_TEST

/* Of pg_type.h, which is the server's. */
enum { BOOLOID = 16, BYTEAOID = 17, INT8OID = 20, INT2OID = 21, INT4OID = 23,
	NUMERICOID = 1700 };

static const long long times[] = { 0, 1, -1, 999999, 1767225600123456,
	-62135596800000000, 4102444799999999 };

START_TEST(a_time_travels_to_the_microsecond)
{
	char sql[128], want[32];

	ck_assert_int_eq(migrate(""), E_OK);
	snprintf(want, sizeof want, "%lld", times[_i]);
	snprintf(sql, sizeof sql, "select to_us(from_us(%lld))", times[_i]);
	ck_assert_str_eq(scratch_sql(admin, sql), want);
}
END_TEST

/* Is what C hands over, or gets, of the type the server has for it? */
static bool
fits(const struct query_field *f, Oid type)
{
	bool number = type == INT2OID || type == INT4OID || type == INT8OID ||
	    type == NUMERICOID;

	switch (f->kind) {
	case QUERY_INT:
	case QUERY_MAYBE_INT:
		return number;
	case QUERY_BOOL:
	case QUERY_MAYBE_BOOL:
		return type == BOOLOID;
	case QUERY_BYTES:
		return type == BYTEAOID;
	case QUERY_TEXT:
		break;
	}
	return !number && type != BOOLOID && type != BYTEAOID;
}

static bool
kinds_fit(const struct query_text *t, const PGresult *p)
{
	for (int i = 0; t->params && i < t->parameters; i++)
		if (!fits(&t->params[i], PQparamtype(p, i))) {
			printf("# %s: parameter %s is of another type\n",
			    t->name, t->params[i].name);
			return false;
		}
	if (t->row && t->row->ncells != PQnfields(p)) {
		printf("# %s: %d cells\n", t->name, PQnfields(p));
		return false;
	}
	for (int i = 0; t->row && i < t->row->ncells; i++)
		if (!fits(&t->row->cells[i], PQftype(p, i))) {
			printf("# %s: cell %s is of another type\n", t->name,
			    t->row->cells[i].name);
			return false;
		}
	return true;
}

/* Every statement fits the schema, so none can fail for that later. */
START_TEST(every_statement_can_be_prepared)
{
	PGconn *app;
	int bad = 0;

	ck_assert_int_eq(migrate("postern"), E_OK);
	app = PQconnectdb(scratch_in("fresh", "postern"));
	for (int q = 0; q < Q_COUNT; q++) {
		const struct query_text *t = &query_table[q];
		PGresult *r = PQprepare(app, t->name, t->sql, 0, NULL);
		PGresult *p = PQdescribePrepared(app, t->name);

		if (PQresultStatus(r) != PGRES_COMMAND_OK ||
		    PQnparams(p) != t->parameters) {
			printf("# %s: %s\n", t->name,
			    PQresultErrorMessage(r));
			bad++;
		} else if (!kinds_fit(t, p)) {
			bad++;
		}
		PQclear(p);
		PQclear(r);
	}
	PQfinish(app);
	fflush(stdout);
	ck_assert_int_eq(bad, 0);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("store/migrate");
	TCase *t = tcase_create("migrate");

	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, migrating_twice_changes_nothing);
	tcase_add_test(t, two_at_once_migrate_once);
	tcase_add_test(t, a_changed_migration_is_refused_by_its_name);
	tcase_add_test(t, a_newer_schema_is_said_to_be_fine);
	tcase_add_test(t, a_schema_for_newer_programs_is_refused);
	tcase_add_test(t, an_empty_database_is_not_ready);
	tcase_add_test(t, a_failing_migration_leaves_nothing_of_itself);
	tcase_add_test(t, rights_come_with_the_migration_that_needs_them);
	tcase_add_test(t, a_role_that_is_not_there_is_named);
	tcase_add_loop_test(t, the_application_has_rows_but_no_shape, 0,
	    sizeof deeds / sizeof *deeds);
	tcase_add_test(t, time_limits_are_set_by_who_may);
	tcase_add_test(t, status_shows_what_is_applied);
	tcase_add_test(t, no_locale_tells_the_cases_of_a_name_apart);
	tcase_add_test(t, no_locale_hides_the_failures_of_an_account);
	tcase_add_test(t, names_that_a_locale_told_apart_are_parted);
	tcase_add_loop_test(t, a_name_is_found_by_its_index, 0, 2);
	tcase_add_test(t, a_database_that_is_not_utf8_is_refused);
	tcase_add_loop_test(t, a_time_travels_to_the_microsecond, 0,
	    sizeof times / sizeof *times);
	tcase_add_test(t, every_statement_can_be_prepared);
	suite_add_tcase(s, t);
	return s;
}

int
main(void)
{
	scratch_start();
	return unit_run_suite(suite());
}
