#include "tests/unit/core/core.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <liboath/oath.h>
#include <sodium.h>

#include "base/log.h"
#include "core/access/role.h"
#include "core/factor/factor_setup.h"
#include "core/session/signing.h"
#include "crypto/password/password.h"
#include "crypto/seal.h"
#include "crypto/totp.h"
#include "store/migrate.h"

struct ctx x;
struct config config;
PGconn *admin;

static struct jwt_keys jwt;
static struct shared shared;
static char runtime[] = "/tmp/postern-core.XXXXXX";
static struct {
	const char *file;
	const TTest *test;
} tests[400];
static size_t ntests;

void
core_add(const char *file, const TTest *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (ntests == sizeof(tests) / sizeof(tests[0]))
			abort();
		tests[ntests].file = file;
		tests[ntests++].test = list[i];
	}
}

const char *
core_sql(const char *sql, ...)
{
	char whole[2048];
	va_list ap;

	va_start(ap, sql);
	ck_assert_int_lt(vsnprintf(whole, sizeof(whole), sql, ap),
	    (int)sizeof(whole));
	va_end(ap);
	return scratch_sql(admin, whole);
}

/* Once: the schema, and a copy of what the migrations put into it. */
static void
make_database(void)
{
	static bool made;
	struct arena *own;
	const char *why = "";
	int n;

	if (made)
		return;
	made = true;
	own = arena_new((size_t)32 << 20);
	scratch_database("core");
	ck_assert_msg(migrate_run(own, scratch_in("core", "postern_owner"),
	    "postern", &n, &why) == E_OK, "%s", why);
	admin = scratch_admin("core");
	scratch_sql(admin, "create schema seed; do $$ declare t text; begin "
	    "for t in select tablename from pg_tables where schemaname = "
	    "'public' loop execute format('create table seed.%1$I as table "
	    "public.%1$I', t); end loop; end $$");
	PQfinish(admin);
	arena_free(&own);
}

/* As the migrations left it. No trigger sees it. */
static void
restore_database(void)
{
	scratch_sql(admin, "set session_replication_role = replica; "
	    "do $$ declare t text; filled bool; begin for t in select "
	    "c.relname from pg_class c where relnamespace = 'public'::"
	    "regnamespace and relkind in ('r', 'p') and not relispartition "
	    "loop execute format('delete from public.%1$I', t); "
	    "execute format('select exists (select from seed.%1$I)', t) into "
	    "filled; if filled then execute format('insert into public.%1$I "
	    "overriding system value table seed.%1$I', t); end if; "
	    "end loop; end $$; reset session_replication_role");
}

/* Settings of the program; hashing costs as little as it may. */
static void
load_config(void)
{
	char *argv[] = { (char []){ "--set" },
		(char []){ "limits.enabled=false" } };
	const struct config *c;
	struct config cheap;
	const char *why = "";

	setenv("JWT_SECRET", "kX3vQ9mT7zR2pL8wN4sB6yH1cF5dG0aJ", 1);
	setenv("RUNTIME_DIR", runtime, 1);
	c = config_load(x.arena, 2, argv, &why);
	ck_assert_msg(c != NULL, "%s", why);
	config = cheap = *c;
	config.public_url = "https://id.example.com";
	cheap.environment = "development";
	cheap.argon2_memory = 8192;
	cheap.argon2_time = 1;
	ck_ok(password_init(&cheap));
}

void
core_request(void)
{
	x.client = STR("192.0.2.7");
	x.hidden = false;
	x.user_agent = STR("check");
	x.request_id = STR("r1");
	x.language = x.idempotency_seed = STR_NONE;
	x.problem = (struct problem){ 0 };
	core_by(NULL);
}

void
core_by(const struct session *s)
{
	x.actor = s ? s->id : STR_NONE;
	x.actor_user = s ? s->account.id : STR_NONE;
}

static void
setup(void)
{
	const struct cache_options none = { .host = "" };
	const struct db_options o = { .conninfo = scratch_in("core",
	    "postern"), .connect_timeout = 10 * CLOCK_SECOND,
	    .statement_timeout = 30 * CLOCK_SECOND };
	const char *why = "";

	x = (struct ctx){ .arena = arena_new((size_t)64 << 20) };
	json_use(x.arena);
	ck_assert(sodium_init() >= 0);
	ck_assert(log_open("test", "/dev/null", LOG_DEBUG_));
	admin = scratch_admin("core");
	restore_database();
	load_config();
	signing_start(&config, &jwt);
	role_forget();
	x.config = &config;
	x.keys = keyring_new(&config, &why);
	ck_assert_msg(x.keys != NULL, "%s", why);
	x.jwt = &jwt;
	x.db = db_new(&o);
	x.cache = cache_new(&none);
	x.shared = &shared;
	/* tests change rows by SQL, and look at once */
	shared.alone = true;
	core_request();
}

static void
teardown(void)
{
	db_close(&x.db);
	cache_close(&x.cache);
	PQfinish(admin);
	arena_free(&x.arena);
}

bool
core_redis(void)
{
	const char *socket = getenv("SCRATCH_REDIS");
	struct reply r;

	if (!socket)
		return false;
	cache_close(&x.cache);
	config.redis_host = socket;
	config.redis_timeout = 10 * CLOCK_SECOND;
	x.cache = cache_of(&config, x.keys, NULL);
	ck_ok(cache_command(x.cache, x.arena, &r, 1, &STR("FLUSHALL")));
	return true;
}

struct tokens *
core_login(const char *name)
{
	const struct credentials c = { .identifier = str_of(name),
		.password = STR(PASSWORD) };
	struct login l;

	ck_ok(login(&x, &c, &l));
	ck_assert_ptr_nonnull(l.tokens);
	return l.tokens;
}

enum err
core_try(const char *name, const char *password, struct login *out)
{
	const struct credentials c = { .identifier = str_of(name),
		.password = str_of(password) };

	x.problem = (struct problem){ 0 };
	return login(&x, &c, out);
}

struct tokens *
core_ann(struct account *out)
{
	const struct registration r = { .email = STR("ann@example.com"),
		.username = STR("Ann"), .password = STR(PASSWORD),
		.first_name = STR("Ann"), .last_name = STR("Lee") };
	struct tokens *t = NULL;

	ck_ok(account_register(&x, &r, out, &t));
	return t;
}

enum err
core_alive(struct str access)
{
	struct session *s;

	return session_of_token(&x, access, NULL, &s);
}

struct session *
core_session(struct str access)
{
	struct session *s;

	ck_ok(session_of_token(&x, access, NULL, &s));
	s->id = arena_str(x.arena, s->id);
	s->account.id = arena_str(x.arena, s->account.id);
	return s;
}

struct person
core_person(const char *name)
{
	const struct registration r = { .username = str_of(name),
		.email = text("%s@example.com", name),
		.password = STR(PASSWORD) };
	struct person p;

	ck_ok(account_register(&x, &r, &p.account, &p.tokens));
	core_sql("update users set is_verified = true, verified_at = now() "
	    "where username = '%s'", name);
	core_sql("delete from jobs; delete from audit_logs; "
	    "delete from one_time");
	p.session = core_session(p.tokens->access);
	p.account = p.session->account;
	return p;
}

struct person
core_holder(const char *name, const char *role)
{
	struct person p = core_person(name);

	core_sql("insert into user_roles (user_id, role_id) select u.id, r.id "
	    "from users u, roles r where username = '%s' and r.name = '%s'",
	    name, role);
	p.session = core_session(p.tokens->access);
	p.account = p.session->account;
	return p;
}

struct str
core_code(struct str secret, int steps)
{
	char code[TOTP_DIGITS + 1];
	int64_t at = clock_wall() / CLOCK_SECOND + steps * 30;

	ck_assert_int_eq(oath_totp_generate(secret.p, secret.n, (time_t)at, 30,
	    0, TOTP_DIGITS, code), OATH_OK);
	return text("%s", code);
}

struct str
core_totp(struct person *p)
{
	struct subject s = subject_of_account(&p->account);
	struct factor_setup f;
	struct backup_set codes;
	char *bytes;
	size_t n;
	bool any;

	ck_ok(factor_setup_totp(&x, &s, p->session->id, &f));
	ck_assert_int_eq(oath_base32_decode(f.secret.p, f.secret.n, &bytes,
	    &n), OATH_OK);
	ck_ok(factor_setup_enable(&x, &s, p->session->id, STR("totp"),
	    core_code((struct str){ bytes, n }, 0), &codes, &any));
	p->session = core_session(p->tokens->access);
	p->account = p->session->account;
	f.secret = arena_str(x.arena, (struct str){ bytes, n });
	free(bytes);
	return f.secret;
}

/* The payload of a job, opened. */
static cJSON *
opened(struct str id, struct str hex)
{
	struct str sealed, json;
	cJSON *o;

	ck_assert(hex_decode(x.arena, hex, &sealed));
	ck_ok(unseal(x.arena, x.keys, job_bound(x.arena, id), sealed, &json));
	ck_ok(json_parse(x.arena, json, 8, &o, NULL));
	return o;
}

static cJSON *
find_mails(const char *template, const char *to, int *n)
{
	PGresult *r = PQexec(admin, "select id, encode(payload, 'hex') from "
	    "jobs where kind in ('mail', 'sms') order by id");
	cJSON *last = NULL, *o;

	*n = 0;
	for (int i = 0; i < PQntuples(r); i++) {
		o = opened(arena_str(x.arena, str_of(PQgetvalue(r, i, 0))),
		    arena_str(x.arena, str_of(PQgetvalue(r, i, 1))));
		if (!str_eq(json_text(json_get(o, "template")),
		    str_of(template)) || (to && !str_eq(json_text(json_get(o,
		    "to")), str_of(to))))
			continue;
		last = o;
		++*n;
	}
	PQclear(r);
	return last;
}

int
core_mails(const char *template, const char *to)
{
	int n;

	find_mails(template, to, &n);
	return n;
}

struct str
core_mail(const char *template, const char *to, const char *var)
{
	int n;
	cJSON *o = find_mails(template, to, &n);
	const cJSON *v = o ? json_get(json_get(o, "vars"), var) : NULL;

	if (cJSON_IsBool(v))
		return cJSON_IsTrue(v) ? STR("true") : STR("false");
	return v ? json_text(v) : STR_NONE;
}

static Suite *
suite(void)
{
	Suite *s = suite_create("core");
	TCase *t = NULL;

	for (size_t i = 0; i < ntests; i++) {
		if (i == 0 || tests[i].file != tests[i - 1].file) {
			t = tcase_create(tests[i].file);
			tcase_add_unchecked_fixture(t, make_database, NULL);
			tcase_add_checked_fixture(t, setup, teardown);
			tcase_set_timeout(t, 60);
			suite_add_tcase(s, t);
		}
		tcase_add_test(t, tests[i].test);
	}
	return s;
}

int
main(void)
{
	char command[64];
	int failed;

	setenv("SCRATCH_WITHOUT", "pgbouncer", 0);
	if (!mkdtemp(runtime))
		return 99;
	scratch_start();
	failed = unit_run_suite(suite());
	snprintf(command, sizeof(command), "rm -rf %s", runtime);
	return system(command) != 0 || failed;
}
