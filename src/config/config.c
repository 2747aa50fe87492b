#include "config/config.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include "base/log.h"
#include "config/config_private.h"

const struct config_row config_rows[] = {
#define CONFIG(kind, field, key, dflt, strict, rule, env, doc) \
	{ CONFIG_##kind, key, dflt, strict, rule, env, doc, false, \
	    offsetof(struct config, field) },
#define ACCEPTED(kind, field, key, dflt, rule, env, why) \
	{ CONFIG_##kind, key, dflt, "", rule, env, why, true, 0 },
#include "config/config.def"
#undef ACCEPTED
#undef CONFIG
};
const size_t config_rows_count = CONFIG_ROWS;

void
config_fault(struct config_all *all, const char *fmt, ...)
{
	va_list ap;

	if (all->nfaults < CONFIG_FAULTS) {
		va_start(ap, fmt);
		all->faults[all->nfaults] = arena_vfmt(all->arena, fmt, ap).p;
		va_end(ap);
	}
	all->nfaults++;
}

void
config_warn(struct config_all *all, const char *fmt, ...)
{
	va_list ap;

	if (all->nwarnings == CONFIG_FAULTS)
		return;
	va_start(ap, fmt);
	all->warnings[all->nwarnings++] = arena_vfmt(all->arena, fmt, ap).p;
	va_end(ap);
}

const char *
config_warning(const struct config *c, size_t n)
{
	const struct config_all *all =
	    (const struct config_all *)(const void *)((const char *)c -
	    offsetof(struct config_all, c));

	return n < all->nwarnings ? all->warnings[n] : NULL;
}

void
config_log_warnings(const struct config *c)
{
	const char *text;

	for (size_t n = 0; (text = config_warning(c, n)) != NULL; n++)
		log_warn("configuration", log_c("warning", text));
}

const char *
config_subject(struct config_all *all, size_t row)
{
	const struct config_given *g = &all->given[row];
	const char *key = config_rows[row].key;

	if (g->from == CONFIG_FROM_ENV)
		return arena_fmt(all->arena, "%s (from environment %s)", key,
		    g->name).p;
	if (g->from == CONFIG_FROM_FILE || g->from == CONFIG_FROM_MANAGER)
		return arena_fmt(all->arena, "%s (%s)", key, g->name).p;
	return key;
}

bool
config_name_next(struct config_name *n)
{
	struct str rest = str_of(n->rest), name;

	if (n->prefixed) {
		/* The second spelling of the AUTH_X returned last. */
		char plain[64];

		n->prefixed = false;
		snprintf(plain, sizeof(plain), "%.60s", n->text);
		snprintf(n->text, sizeof(n->text), "HOTEL_REVIEWS_%s", plain);
		return true;
	}
	if (rest.n == 0)
		return false;
	name = str_slice(rest, 0, str_find(rest, ' '));
	snprintf(n->text, sizeof(n->text), "%.*s", STR_FMT(name));
	n->rest += name.n < rest.n ? name.n + 1 : name.n;
	n->prefixed = str_starts(name, STR("AUTH_"));
	return true;
}

/* Is key "auth.x", and AUTH_X an environment name of the row? */
static bool
is_auth_key(const struct config_row *r, struct str key)
{
	struct config_name n = { .rest = r->env };

	if (!str_starts(key, STR("auth.")))
		return false;
	key = str_slice(key, 5, key.n);
	while (config_name_next(&n)) {
		struct str name = str_of(n.text);

		if (str_starts(name, STR("AUTH_")) &&
		    str_eq_nocase(str_slice(name, 5, name.n), key))
			return true;
	}
	return false;
}

static int
find_key(struct str key)
{
	for (size_t i = 0; i < CONFIG_ROWS; i++)
		if (str_eq(str_of(config_rows[i].key), key) ||
		    is_auth_key(&config_rows[i], key))
			return (int)i;
	return -1;
}

int
config_row_find(struct str key, bool *by_file)
{
	int row = find_key(key);

	*by_file = false;
	if (row >= 0 || !str_ends(key, STR("_file")))
		return row;
	row = find_key(str_slice(key, 0, key.n - 5));
	if (row < 0 || config_rows[row].kind != CONFIG_SECRET)
		return -1;
	*by_file = true;
	return row;
}

/* Is an empty text a value of this row: "no Redis", "no proxies"? */
static bool
may_be_empty(const struct config_row *r)
{
	if (r->kind != CONFIG_TEXT && r->kind != CONFIG_LIST)
		return false;
	return strchr(r->rule, '|') == NULL ||
	    config_has_choice(r->rule, STR(""));
}

void
config_give(struct config_all *all, size_t row, const struct config_given *g)
{
	struct config_given *have = &all->given[row];

	if (g->text[0] == '\0' && !may_be_empty(&config_rows[row]))
		return;
	if (have->text == NULL || g->from > have->from)
		*have = *g;
}

bool
config_is_option(int argc, char **argv, int *i, const char *option,
    const char **value)
{
	size_t n = strlen(option);

	if (strncmp(argv[*i], option, n) != 0)
		return false;
	if (argv[*i][n] == '=') {
		*value = argv[*i] + n + 1;
		return true;
	}
	if (argv[*i][n] != '\0')
		return false;
	*value = *i + 1 < argc ? argv[++*i] : NULL;
	return true;
}

int
config_args(int argc, char **argv)
{
	const char *value;
	int n = argc > 0 ? 1 : 0, i;

	for (i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
		if (config_is_option(argc, argv, &i, "--config", &value) ||
		    config_is_option(argc, argv, &i, "--set", &value))
			continue;
		argv[n++] = argv[i];
	}
	for (; i < argc; i++)
		argv[n++] = argv[i];
	argv[n] = NULL;
	return n;
}

size_t
config_check(struct arena *a, int argc, char **argv,
    const struct config **out, const char **faults, size_t max)
{
	struct config_all *all = ARENA_NEW(a, struct config_all);
	const char *file;

	all->arena = a;
	file = config_line(all, argc, argv);
	config_environment(all);
	config_file(all, file);
	config_manager(all);
	config_values(all, 0, CONFIG_MANAGER_FIRST);
	config_values(all, CONFIG_MANAGER_PAST, CONFIG_ROWS);
	config_secrets(all);
	config_cross(all);
	config_scrub();
	*out = all->nfaults ? NULL : &all->c;
	for (size_t i = 0; i < all->nfaults && i < max && i < CONFIG_FAULTS;
	    i++)
		faults[i] = all->faults[i];
	return all->nfaults;
}

const struct config *
config_load(struct arena *a, int argc, char **argv, const char **why)
{
	const struct config *c;

	config_check(a, argc, argv, &c, why, 1);
	return c;
}

bool
config_list_next(const char **rest, struct str *piece)
{
	while (**rest) {
		struct str s = str_of(*rest);
		size_t at = str_find(s, ',');

		*piece = str_trim(str_slice(s, 0, at));
		*rest += at < s.n ? at + 1 : at;
		if (piece->n)
			return true;
	}
	return false;
}
