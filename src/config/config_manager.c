#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/place.h"
#include "config/config_private.h"

#define ASKER "postern-secrets"
#define WORDS 32 /* of secrets.command */

/* Who may ask, and where the answer is left. */
static struct {
	int fd; /* of the file plus one; 0: none */
	bool forbidden;
	bool later; /* the manager was out of reach */
} answer;

void
config_answer_at(int fd)
{
	answer.fd = fd + 1;
}

void
config_no_manager(void)
{
	answer.forbidden = true;
}

bool
config_may_pass(void)
{
	return answer.later;
}

void
config_answer_wipe(int fd)
{
	static const char zeros[4096];
	struct stat st;

	if (fstat(fd, &st) != 0)
		return;
	for (off_t at = 0; at < st.st_size; at += (off_t)sizeof(zeros))
		(void)!pwrite(fd, zeros, sizeof(zeros), at);
	(void)!ftruncate(fd, 0);
}

/* The answer that was left before; STR_NONE: there is none. */
static struct str
left_answer(struct arena *a)
{
	struct stat st;
	char *p;
	ssize_t n;

	if (answer.fd == 0 || fstat(answer.fd - 1, &st) != 0 ||
	    st.st_size <= 0 || st.st_size > CONFIG_FILE_MAX)
		return STR_NONE;
	p = arena_alloc(a, (size_t)st.st_size + 1);
	n = pread(answer.fd - 1, p, (size_t)st.st_size, 0);
	return n == st.st_size ? (struct str){ p, (size_t)n } : STR_NONE;
}

static void
leave_answer(struct str text)
{
	if (answer.fd && text.n)
		(void)!pwrite(answer.fd - 1, text.p, text.n, 0);
}

/* Our own program: beside this one, else where it was installed. */
static char *
asker_path(struct arena *a)
{
	char here[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", here, sizeof(here));
	const char *path;

	while (n > 0 && here[n - 1] != '/')
		n--;
	path = arena_fmt(a, "%.*s" ASKER, n > 0 ? (int)n : 0, here).p;
	if (n <= 0 || access(path, X_OK) != 0)
		path = BINDIR "/" ASKER;
	return (char *)(uintptr_t)path;
}

/* "row's key=value" lines: what our program must know of its section. */
static struct str
question(struct config_all *all, const char *provider)
{
	struct buf b = buf_new(all->arena, CONFIG_FILE_MAX);

	buf_fmt(&b, "secrets.provider=%s\n", provider);
	for (size_t i = CONFIG_MANAGER_FIRST + 1; i < CONFIG_MANAGER_PAST; i++)
		buf_fmt(&b, "%s=%s\n", config_rows[i].key, all->given[i].text);
	buf_fmt(&b, "time_ms=%lld\n", all->c.secrets_timeout / 1000);
	return buf_str(&b);
}

/* Ask by our program, which prints the answer, or a sentence about it. */
static bool
ask_asker(struct config_all *all, const char *provider, struct str *out)
{
	char *argv[] = { asker_path(all->arena), NULL }, *env[] = { NULL };
	const struct config_run run = { argv, env, question(all, provider),
		all->c.secrets_timeout };
	const char *why;
	int status = config_run(all->arena, &run, out, &why);

	if (status == 0)
		return true;
	answer.later = status == EX_TEMPFAIL || status < 0;
	if (status < 0)
		config_fault(all, "secrets.provider: %s (the program "
		    ASKER ") %s", provider, why);
	else
		config_fault(all, "secrets.provider: %.*s", out->n < 400 ?
		    (int)out->n : 400, out->p);
	return false;
}

/* The words of a command; no quotes, no shell. */
static size_t
words_of(struct arena *a, const char *text, char *words[WORDS + 1])
{
	struct str rest = str_of(text), word;
	size_t n = 0;

	while (n < WORDS && str_split(&rest, ' ', &word))
		if (word.n)
			words[n++] = (char *)(uintptr_t)arena_cstr(a, word);
	words[n] = NULL;
	return rest.n ? 0 : n;
}

static bool
ask_command(struct config_all *all, struct str *out)
{
	char *argv[WORDS + 1];
	const struct config_run run = { argv, environ, STR(""),
		all->c.secrets_timeout };
	const char *why = NULL;
	int status;

	if (words_of(all->arena, all->c.secrets_command, argv) == 0) {
		config_fault(all, "secrets.command must be a program and at "
		    "most %d words", WORDS - 1);
		return false;
	}
	status = config_run(all->arena, &run, out, &why);
	if (status < 0)
		config_fault(all, "secrets.command %s", why);
	if (status > 0)
		config_fault(all, "secrets.command ended with status %d; run "
		    "it by hand to see what it says", status);
	return status == 0;
}

bool
config_has_manager(const struct config *c)
{
	if (c->secrets_provider[0])
		return strcmp(c->secrets_provider, "none") != 0;
	return c->zero_token[0] != '\0';
}

/* Zero where its token is the only source of the one needed secret. */
static const char *
provider_of(struct config_all *all)
{
	const char *named = all->c.secrets_provider;

	if (strcmp(named, "none") == 0)
		return NULL;
	if (named[0])
		return named;
	if (all->c.zero_token[0] == '\0')
		return NULL;
	if (all->given[CONFIG_ROW_jwt_secret].text == NULL)
		return "zero";
	config_warn(all, "secrets.zero.token is set, but Zero is not asked, "
	    "since jwt.secret is given elsewhere; set secrets.provider to zero "
	    "or none");
	return NULL;
}

static void
ask(struct config_all *all, const char *provider)
{
	struct str text = left_answer(all->arena);
	bool good = text.p != NULL;

	if (!good && answer.forbidden) {
		config_fault(all, "secrets.provider: no manager can be asked "
		    "here. Under plain CGI each request would ask it: use "
		    "FastCGI, or files (JWT_SECRET_FILE). A postern-worker that "
		    "was started without a manager must be started again");
		return;
	}
	if (!good) {
		good = strcmp(provider, "command") == 0 ?
		    ask_command(all, &text) : ask_asker(all, provider, &text);
		if (good)
			leave_answer(text);
	}
	if (good)
		config_manager_take(all, text);
}

void
config_manager(struct config_all *all)
{
	size_t before = all->nfaults;
	const char *provider;

	config_values(all, CONFIG_MANAGER_FIRST, CONFIG_MANAGER_PAST);
	/* What is refused anyway need not be asked about. */
	if (before || all->nfaults)
		return;
	answer.later = false;
	provider = provider_of(all);
	if (provider)
		ask(all, provider);
}
