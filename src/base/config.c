#include "base/config.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/config_table.h"

const struct config_row config_rows[] = {
#define CONFIG(kind, field, key, dflt, strict, rule, env, doc) \
	{ CONFIG_##kind, key, dflt, strict, rule, env, doc, \
	    offsetof(struct config, field) },
#include "base/config.def"
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

const char *
config_subject(struct config_all *all, size_t row)
{
	const struct config_given *g = &all->given[row];
	const char *key = config_rows[row].key;

	if (g->from == CONFIG_FROM_ENV)
		return arena_fmt(all->arena, "%s (from environment %s)", key,
		    g->name).p;
	if (g->from == CONFIG_FROM_FILE)
		return arena_fmt(all->arena, "%s (%s)", key, g->name).p;
	return key;
}

bool
config_name_next(struct config_name *n)
{
	struct str rest = str_of(n->rest), name;

	if (n->prefixed) {
		/* The second spelling of the AUTH_X just given. */
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

/* Does the row have the environment name AUTH_X, for a key "auth.x"? */
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
find(struct str key)
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
	int row = find(key);

	*by_file = false;
	if (row >= 0 || !str_ends(key, STR("_file")))
		return row;
	row = find(str_slice(key, 0, key.n - 5));
	if (row < 0 || config_rows[row].kind != CONFIG_SECRET)
		return -1;
	*by_file = true;
	return row;
}

/* Where the empty text is a value of its own: "no Redis", "no proxies". */
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

/* Give what the file behind NAME_FILE or key_file holds. */
static void
give_file(struct config_all *all, size_t row, const char *path,
    enum config_origin from, const char *name)
{
	struct config_given g = { .from = from, .name = name,
		.by_file = true };
	const char *why = NULL;
	bool shared;
	struct str text = config_read_file(all->arena, path, CONFIG_VALUE_MAX,
	    &shared, &why);

	if (why) {
		config_fault(all, "%s: the file %s names %s",
		    config_rows[row].key, name, why);
		return;
	}
	if (shared)
		config_fault(all, "%s: the file %s names can be read or "
		    "written by every user; set its mode to 0600 or 0640",
		    config_rows[row].key, name);
	while (text.n && (text.p[text.n - 1] == '\n' ||
	    text.p[text.n - 1] == '\r'))
		text.n--;
	if (str_has_nul(text)) {
		config_fault(all, "%s: the file %s names holds a NUL byte",
		    config_rows[row].key, name);
		return;
	}
	g.text = arena_cstr(all->arena, text);
	config_give(all, row, &g);
}

void
config_give_key(struct config_all *all, struct str key, const char *text,
    enum config_origin from, const char *where)
{
	struct config_given g = { .text = text, .from = from, .name = where };
	bool by_file;
	int row = config_row_find(key, &by_file);

	if (row < 0) {
		config_fault(all, "%s: unknown key %.*s", where,
		    (int)(key.n < 80 ? key.n : 80), key.p);
		return;
	}
	if (by_file && text[0])
		give_file(all, (size_t)row, text, from, where);
	else if (!by_file)
		config_give(all, (size_t)row, &g);
}

static void
read_name(struct config_all *all, size_t row, const char *name)
{
	struct config_given g = { .from = CONFIG_FROM_ENV };
	const char *text = getenv(name), *path = NULL;
	char with_file[128];

	if (config_rows[row].kind == CONFIG_SECRET) {
		snprintf(with_file, sizeof(with_file), "%s_FILE", name);
		path = getenv(with_file);
	}
	if (text && text[0] && path && path[0])
		config_fault(all, "%s: both %s and %s are set",
		    config_rows[row].key, name, with_file);
	if (path && path[0])
		give_file(all, row, path, CONFIG_FROM_ENV,
		    arena_cstr(all->arena, str_of(with_file)));
	if (text == NULL)
		return;
	if (strlen(text) > CONFIG_VALUE_MAX) {
		config_fault(all, "%s: %s is too long", config_rows[row].key,
		    name);
		return;
	}
	g.text = arena_cstr(all->arena, str_of(text));
	g.name = arena_cstr(all->arena, str_of(name));
	config_give(all, row, &g);
}

/* The first name with a text wins; an empty one only where all are empty. */
static void
read_environment(struct config_all *all)
{
	for (size_t i = 0; i < CONFIG_ROWS; i++) {
		struct config_name n = { .rest = config_rows[i].env };
		struct config_given *g = &all->given[i];

		while (config_name_next(&n)) {
			if (g->from == CONFIG_FROM_ENV && g->text &&
			    g->text[0] == '\0')
				*g = (struct config_given){ 0 };
			read_name(all, i, n.text);
			if (g->from == CONFIG_FROM_ENV && g->text && g->text[0])
				break;
		}
	}
}

/*
 * Is argv[*i] the option, as "--x value" or "--x=value"? *value receives the
 * value, NULL when it is missing; *i moves to the last word that belongs.
 */
static bool
is_option(int argc, char **argv, int *i, const char *option,
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

static void
read_setting(struct config_all *all, const char *value)
{
	struct str pair = str_of(value), key;
	size_t at = str_find(pair, '=');
	bool by_file;
	int row;

	if (value == NULL || at == pair.n) {
		config_fault(all, "--set wants KEY=VALUE");
		return;
	}
	key = str_slice(pair, 0, at);
	row = config_row_find(key, &by_file);
	if (row >= 0 && !by_file && config_rows[row].kind == CONFIG_SECRET) {
		config_fault(all, "--set: %.*s is a secret; everyone on the "
		    "host can read a command line, so give it by environment "
		    "or file", STR_FMT(key));
		return;
	}
	config_give_key(all, key, value + at + 1, CONFIG_FROM_LINE, "--set");
}

static const char *
read_line(struct config_all *all, int argc, char **argv)
{
	const char *file = getenv("POSTERN_CONFIG"), *value;

	for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++) {
		if (is_option(argc, argv, &i, "--config", &value)) {
			if (value == NULL)
				config_fault(all, "--config wants a file");
			else
				file = value;
		} else if (is_option(argc, argv, &i, "--set", &value)) {
			read_setting(all, value);
		}
	}
	return file;
}

int
config_args(int argc, char **argv)
{
	const char *value;
	int n = argc > 0 ? 1 : 0, i;

	for (i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
		if (is_option(argc, argv, &i, "--config", &value) ||
		    is_option(argc, argv, &i, "--set", &value))
			continue;
		argv[n++] = argv[i];
	}
	for (; i < argc; i++)
		argv[n++] = argv[i];
	argv[n] = NULL;
	return n;
}

/* A world-readable file may hold settings, but no secrets (row CF1). */
static void
check_shared(struct config_all *all, const char *path)
{
	for (size_t i = 0; i < CONFIG_ROWS; i++) {
		const struct config_given *g = &all->given[i];

		if (config_rows[i].kind != CONFIG_SECRET || g->text == NULL ||
		    g->from != CONFIG_FROM_FILE || g->by_file)
			continue;
		config_fault(all, "%s stands in %s, which can be read or "
		    "written by every user; set its mode to 0600 or 0640",
		    config_rows[i].key, path);
	}
}

static void
read_file(struct config_all *all, const char *path)
{
	const char *usual = SYSCONFDIR "/postern/postern.yaml";
	const char *why = NULL;
	bool shared;
	struct str text;

	if (path == NULL && access(usual, F_OK) == 0)
		path = usual;
	if (path == NULL || path[0] == '\0')
		return;
	text = config_read_file(all->arena, path, CONFIG_FILE_MAX, &shared,
	    &why);
	if (why) {
		config_fault(all, "The configuration file %s %s", path, why);
		return;
	}
	config_yaml(all, text, path);
	if (shared)
		check_shared(all, path);
}

size_t
config_check(struct arena *a, int argc, char **argv,
    const struct config **out, const char **faults, size_t max)
{
	struct config_all *all = ARENA_NEW(a, struct config_all);
	const char *file;

	all->arena = a;
	file = read_line(all, argc, argv);
	read_environment(all);
	read_file(all, file);
	config_values(all);
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
