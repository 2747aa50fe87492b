#ifndef TESTS_UNIT_CORE_CORE_H
#define TESTS_UNIT_CORE_CORE_H

#include "base/clock.h"
#include "base/encoding.h"
#include "base/json/json.h"
#include "core/account/account_register.h"
#include "core/session/login.h"
#include "crypto/token.h"

#include "tests/unit/scratch.h"
#include "tests/unit/unit.h"

/*
 * The rules of core against a real Postgres. The tests of a folder are one
 * program, which starts one Postgres and migrates it once; before each test
 * every table is as the migrations left it. A test file is a list of
 * properties, as in unit.h:
 *
 *   START_TEST(property_in_words) { … } END_TEST
 *   CORE_TESTS(login, property_in_words, …)
 *
 * and CK_RUN_CASE=login runs that file alone.
 */
#define CORE_TESTS(file, ...) \
	__attribute__((constructor)) static void \
	add_##file(void) \
	{ \
		const TTest *list[] = { __VA_ARGS__ }; \
		core_add(#file, list, sizeof(list) / sizeof(list[0])); \
	}
void core_add(const char *file, const TTest *const *tests, size_t n);

/*
 * What each test has anew: a request from 192.0.2.7 by nobody, limits off, no
 * Redis. Tests change x and config in place.
 */
extern struct ctx x;
extern struct config config;
extern PGconn *admin;

#define PASSWORD "Correct-Horse-7"

/* The next request: nothing said, nobody, no key, from 192.0.2.7. */
void core_request(void);
/* By a person in that session; NULL: by nobody. */
void core_by(const struct session *s);
/* With a Redis, empty; false: there is none on this machine. */
bool core_redis(void);

/* A text in the arena of the request. */
#define text(...) arena_fmt(x.arena, __VA_ARGS__)
/* As scratch_sql, with the arguments of printf(3). */
const char *core_sql(const char *sql, ...)
    __attribute__((format(printf, 1, 2)));

/* name@example.com, address proved, with PASSWORD, signed in. */
struct person {
	struct account account;
	struct tokens *tokens;
	struct session *session;
};
struct person core_person(const char *name);
/* The same who holds a role besides. */
struct person core_holder(const char *name, const char *role);
/* Another session of a person: by name and PASSWORD. */
struct tokens *core_login(const char *name);
/* The same with any password, as the next request; what it answers. */
enum err core_try(const char *name, const char *password, struct login *out);
/* Ann Lee registers as Ann, with PASSWORD; her address is not proved. */
struct tokens *core_ann(struct account *out);
/* E_OK while the session of an access token lives. */
enum err core_alive(struct str access);
/* What the session is by now; it lives. Its ids end with NUL. */
struct session *core_session(struct str access);

/* Give a person an authenticator; its secret, as bytes. */
struct str core_totp(struct person *p);
/* Its code, of so many steps after the present one. */
struct str core_code(struct str secret, int steps);

/*
 * A variable of the newest mail or message of a template to an address (NULL:
 * to anybody) that waits; STR_NONE: there is none. core_mails counts them.
 */
struct str core_mail(const char *template, const char *to, const char *var);
int core_mails(const char *template, const char *to);

#define ck_err(call, want) \
	do { \
		enum err got_ = (call); \
		ck_assert_msg(got_ == (want), "%s: %s, want %s (%s)", #call, \
		    err_code(got_), err_code(want), \
		    x.problem.sentence ? x.problem.sentence : ""); \
	} while (0)
/* The sentence of the last problem holds these words. */
#define ck_said(words) \
	ck_assert_msg(x.problem.sentence && strstr(x.problem.sentence, \
	    (words)), "%s", x.problem.sentence ? x.problem.sentence : "")
#define ck_ok(call) ck_err(call, E_OK)
/* What the first cell of a statement says. */
#define ck_sql(want, ...) ck_assert_str_eq(core_sql(__VA_ARGS__), (want))
/* So many lines of the audit log have this action. */
#define ck_audit(action, want) \
	ck_assert_msg(strcmp(core_sql("select count(*) from audit_logs " \
	    "where action = '%s'", (action)), #want) == 0, "%s: %s", \
	    (action), core_sql("select string_agg(action || ' ' || result, " \
	    "', ') from audit_logs"))

#endif
