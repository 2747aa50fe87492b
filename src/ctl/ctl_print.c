#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "base/encoding.h"
#include "base/limits.h"
#include "ctl/ctl.h"

static int
exit_of(enum err e)
{
	switch (e) {
	case E_OK:
		return CTL_OK;
	case E_NOT_FOUND:
		return CTL_NOT_FOUND;
	case E_VALIDATION:
	case E_BAD_REQUEST:
		return CTL_USAGE;
	case E_CONFLICT:
	case E_EMAIL_TAKEN:
	case E_USERNAME_TAKEN:
		return CTL_CONFLICT;
	case E_UNAVAILABLE:
	case E_BUSY:
		return CTL_UNAVAILABLE;
	default:
		return CTL_FAILED;
	}
}

int
ctl_fail(enum err e, const char *fmt, ...)
{
	va_list ap;

	fputs("posternctl: ", stderr);
	if (fmt) {
		va_start(ap, fmt);
		vfprintf(stderr, fmt, ap);
		va_end(ap);
	} else {
		fputs(err_sentence(e), stderr);
	}
	fputc('\n', stderr);
	return exit_of(e);
}

int
ctl_fail_db(struct ctl *c, enum err e)
{
	enum db_trouble t = db_trouble(c->db);

	if (e != E_UNAVAILABLE || t == DB_WELL)
		return ctl_fail(e, NULL);
	if (t == DB_GONE)
		return ctl_fail(e, "%s (%s)", db_trouble_text(t),
		    db_why(c->db));
	return ctl_fail(e, "%s", db_trouble_text(t));
}

int
ctl_one_or_all(struct ctl *c, bool all, const char *what, const char **which)
{
	struct uuid id;

	*which = c->nargs ? c->args[0] : NULL;
	if ((*which == NULL) != all)
		return ctl_fail(E_VALIDATION, "name %s, or say --all", what);
	if (*which && !uuid_parse(str_of(*which), &id))
		return ctl_fail(E_VALIDATION, "%s is not the id of %s",
		    *which, what);
	return 0;
}

int
ctl_word(const char *option, const char *value, const char *words)
{
	if (value == NULL || str_holds(str_of(words), ',', str_of(value)))
		return 0;
	return ctl_fail(E_VALIDATION, "--%s is one of %s", option, words);
}

void
ctl_say(struct ctl *c, const char *fmt, ...)
{
	va_list ap;

	if (c->json)
		return;
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
}

/* A C0 control, or either byte of a C1 one (U+009B is CSI). */
static bool
is_terminal_control(struct str s, size_t i)
{
	unsigned char c = (unsigned char)s.p[i];
	unsigned char after = i + 1 < s.n ? (unsigned char)s.p[i + 1] : 0;
	unsigned char before = i ? (unsigned char)s.p[i - 1] : 0;

	if (c < 0x20 || c == 0x7f)
		return true;
	return (c == 0xc2 && after >= 0x80 && after < 0xa0) ||
	    (before == 0xc2 && c >= 0x80 && c < 0xa0);
}

/*
 * A value for a terminal: text that others chose must not control it (row LO3),
 * so control characters become dots.
 */
static struct str
terminal_cell(struct arena *a, const cJSON *v)
{
	struct str s = json_text(v);
	char *p;

	if (v == NULL || cJSON_IsNull(v))
		return STR("-");
	if (s.p == NULL)
		s = json_print(a, v);
	if (s.n == 0)
		return STR("-");
	p = arena_alloc(a, s.n + 1);
	for (size_t i = 0; i < s.n; i++)
		p[i] = is_terminal_control(s, i) ? '.' : s.p[i];
	return (struct str){ p, s.n };
}

static size_t
width(struct str s)
{
	size_t points;

	return str_utf8(s, &points) ? points : s.n;
}

static void
print_padded(struct str s, size_t room, bool last)
{
	printf("%.*s", STR_FMT(s));
	if (!last)
		for (size_t n = width(s); n < room + 2; n++)
			putchar(' ');
}

static size_t
column_width(struct arena *a, const cJSON *rows, const char *key)
{
	size_t most = strlen(key);

	for (const cJSON *r = rows->child; r; r = r->next) {
		size_t n = width(terminal_cell(a, json_get(r, key)));

		most = n > most ? n : most;
	}
	return most;
}

/* The members of the first row are the columns. */
static void
print_table(struct arena *a, const cJSON *rows)
{
	const cJSON *first = rows->child;

	if (first == NULL) {
		puts("(none)");
		return;
	}
	for (const cJSON *k = first->child; k; k = k->next)
		print_padded(str_of(k->string),
		    column_width(a, rows, k->string), k->next == NULL);
	putchar('\n');
	for (const cJSON *r = first; r; r = r->next) {
		for (const cJSON *k = first->child; k; k = k->next)
			print_padded(terminal_cell(a, json_get(r, k->string)),
			    column_width(a, rows, k->string),
			    k->next == NULL);
		putchar('\n');
	}
}

int
ctl_print(struct ctl *c, cJSON *v)
{
	if (c->json) {
		struct str s = json_print(c->arena, v);

		printf("%.*s\n", STR_FMT(s));
		return CTL_OK;
	}
	if (cJSON_IsArray(v)) {
		print_table(c->arena, v);
		return CTL_OK;
	}
	for (const cJSON *k = v->child; k; k = k->next) {
		struct str s = terminal_cell(c->arena, k);

		printf("%s: %.*s\n", k->string, STR_FMT(s));
	}
	return CTL_OK;
}

void
ctl_progress(const char *what, long done, long total, bool finished)
{
	static const char full[] = "##############################";
	int filled = total > 0 ? (int)(30.0 * (double)done / (double)total) : 0;

	if (!isatty(STDERR_FILENO))
		return;
	if (total > 0)
		fprintf(stderr, "\r%s [%.*s%*s] %ld/%ld", what, filled, full,
		    30 - filled, "", done, total);
	else
		fprintf(stderr, "\r%s %ld", what, done);
	if (finished)
		fputc('\n', stderr);
}
