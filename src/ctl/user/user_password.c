#include <stdio.h>
#include <termios.h>
#include <unistd.h>

#include <sodium.h>

#include "base/limits.h"
#include "core/account/account.h"
#include "core/account/password_history.h"
#include "crypto/password/password.h"
#include "ctl/user/user.h"

/*
 * The next line of standard input, without its end. Bytes, not stdio: its
 * buffer would keep a copy, and take more than the line.
 */
static struct str
read_line(struct ctl *c)
{
	char *p = arena_alloc(c->arena, LIMIT_PASSWORD_BYTES + 4);
	size_t n = 0;

	while (n < LIMIT_PASSWORD_BYTES + 2 &&
	    read(STDIN_FILENO, p + n, 1) == 1)
		if (p[n++] == '\n') {
			n--;
			break;
		}
	if (n && p[n - 1] == '\r')
		n--;
	p[n] = '\0';
	return (struct str){ p, n };
}

/* What is typed is not shown. */
static struct str
question(struct ctl *c, const char *text)
{
	struct termios before, quiet;
	struct str line;

	if (tcgetattr(STDIN_FILENO, &before) != 0)
		return STR_NONE;
	quiet = before;
	quiet.c_lflag &= ~(tcflag_t)ECHO;
	/* Before the question: input typed until then is discarded. */
	(void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
	fputs(text, stderr);
	line = read_line(c);
	(void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
	fputc('\n', stderr);
	return line;
}

static const char *
read_secret(struct ctl *c, bool ask, struct str *out)
{
	bool asked = ask && isatty(STDIN_FILENO);
	struct str again;

	*out = asked ? question(c, "New password: ") : read_line(c);
	if (out->n == 0)
		return "no password on standard input";
	if (out->n > LIMIT_PASSWORD_BYTES || str_has_nul(*out))
		return "the password is too long or holds a NUL";
	if (!asked)
		return NULL;
	again = question(c, "The same again: ");
	return str_eq(*out, again) ? NULL : "the two passwords differ";
}

struct str
user_generate(struct ctl *c)
{
	/* Digits and letters that are not taken for one another. */
	static const char letters[] = "abcdefghjkmnpqrstvwxyz23456789";
	size_t n = (size_t)c->config->password_min, i = 0;
	char *p;

	n = n < 23 ? 23 : n; /* four groups of five, 98 bits */
	p = arena_alloc(c->arena, n + 1);
	for (; i < n; i++)
		p[i] = i % 6 == 5 ? '-' :
		    letters[randombytes_uniform(sizeof(letters) - 1)];
	return (struct str){ p, n };
}

int
user_hash(struct ctl *c, const struct user_new *u, bool ask, struct str *hash)
{
	struct ctx x = user_ctx(c);
	struct str password = u->password;
	const char *wrong = password.p ? NULL : read_secret(c, ask, &password);
	enum err e;

	if (wrong)
		return ctl_fail(E_VALIDATION, "%s", wrong);
	e = account_check_password(&x, "password", password, u->username,
	    u->email);
	if (e == E_VALIDATION)
		return ctl_fail(e, "%s", x.problem.sentence);
	if (e == E_OK)
		e = password_init(c->config);
	if (e == E_OK && u->id.p)
		e = password_history_check(&x, "password", u->id, password);
	if (e == E_VALIDATION)
		return ctl_fail(e, "%s", x.problem.sentence);
	if (e == E_OK)
		e = password_hash(c->arena, password, hash);
	return e == E_OK ? CTL_OK : ctl_fail(e, NULL);
}
