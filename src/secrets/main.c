/* postern-secrets: secrets/secrets.h says what for. */
#include <config.h>

#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include <sodium.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "runtime/sandbox.h"
#include "secrets/secrets.h"

#define QUESTION_MAX (256u << 10)

static const char usage[] =
    "usage: postern-secrets <QUESTION\n"
    "\n"
    "Asks a manager of secrets for settings. The other programs start it when\n"
    "secrets.provider is set; docs/secrets.md says how to ask by hand.\n";

static struct str
read_question(struct arena *a)
{
	char *p = arena_alloc(a, QUESTION_MAX);
	size_t n = 0;
	ssize_t got;

	while (n < QUESTION_MAX &&
	    (got = read(STDIN_FILENO, p + n, QUESTION_MAX - n)) > 0)
		n += (size_t)got;
	return (struct str){ p, n };
}

/* Who asked waits for all of the time; the rest is for the answer's way. */
static int64_t
end_of_time(const struct secrets *s)
{
	long long ms = 5000;

	(void)str_to_int(secrets_asked(s, "time_ms"), 1, 60000, &ms);
	return clock_mono() + ms * 900;
}

static enum secrets_end
ask(struct secrets *s, cJSON **values)
{
	static const struct {
		const char *name;
		enum secrets_end (*ask)(struct secrets *s, cJSON **values);
	} managers[] = {
		{ "zero", secrets_zero },
		{ "vault", secrets_vault },
		{ "aws", secrets_aws },
	};
	struct str name = secrets_asked(s, "secrets.provider");

	for (size_t i = 0; i < sizeof(managers) / sizeof(managers[0]); i++)
		if (str_eq(str_of(managers[i].name), name))
			return managers[i].ask(s, values);
	return secrets_fail(s, SECRETS_REFUSED, "no manager is named");
}

static int
answer(struct secrets *s)
{
	cJSON *values = NULL;
	enum secrets_end end = ask(s, &values);

	if (end == SECRETS_GOOD) {
		struct str text = json_print(s->arena, values);

		if (text.p && fwrite(text.p, 1, text.n, stdout) == text.n &&
		    fflush(stdout) == 0)
			return 0;
		return 1;
	}
	fputs(s->why, stdout);
	return end == SECRETS_LATER ? EX_TEMPFAIL : 1;
}

int
main(int argc, char **argv)
{
	struct secrets s = { 0 };
	int status;

	sandbox_private();
	if (argc > 1 && strcmp(argv[1], "--version") == 0)
		return puts("postern-secrets " PACKAGE_VERSION) < 0;
	if (argc > 1 || isatty(STDIN_FILENO)) {
		fputs(usage, argc > 1 && strcmp(argv[1], "--help") == 0 ?
		    stdout : stderr);
		return argc > 1 && strcmp(argv[1], "--help") == 0 ? 0 : 64;
	}
	if (sodium_init() < 0)
		return 70;
	log_open("postern-secrets", NULL, LOG_WARN_);
	s.arena = arena_new(LIMIT_ARENA);
	json_use(s.arena);
	s.question = read_question(s.arena);
	s.until = end_of_time(&s);
	status = answer(&s);
	arena_free(&s.arena);
	return status;
}
