#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/place.h"
#include "base/text.h"
#include "config/config_private.h"

/* Take the content of the file that NAME_FILE or key_file names. */
static void
give_file(struct config_all *all, size_t row, const char *path,
    enum config_origin from, const char *name)
{
	struct config_given g = { .from = from, .name = name,
		.by_file = true };
	const char *why = NULL;
	enum config_reach reach;
	struct str text = config_read_file(all->arena, path, CONFIG_VALUE_MAX,
	    &reach, &why);

	if (why) {
		config_fault(all, "%s: the file %s names %s",
		    config_rows[row].key, name, why);
		return;
	}
	if (reach == CONFIG_WRITABLE)
		config_fault(all, "%s: the file %s names can be written by "
		    "every user; set its mode to 0600 or 0640",
		    config_rows[row].key, name);
	if (reach == CONFIG_READABLE)
		config_warn(all, "%s: the file %s names can be read by every "
		    "user; set its mode to 0600 or 0640",
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

/* A word that does not look like a key may be a misplaced secret. */
static struct str
showable(struct str key)
{
	return text_only(key, "._-") ? str_slice(key, 0, 80) :
	    STR("(one that is not shown)");
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
		    STR_FMT(showable(key)));
		return;
	}
	if (by_file && text[0])
		give_file(all, (size_t)row, text, from, where);
	else if (!by_file)
		config_give(all, (size_t)row, &g);
}

static void
read_variable(struct config_all *all, size_t row, const char *name)
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

/* The first name with a text wins; an empty one only if all are empty. */
void
config_environment(struct config_all *all)
{
	for (size_t i = 0; i < CONFIG_ROWS; i++) {
		struct config_name n = { .rest = config_rows[i].env };
		struct config_given *g = &all->given[i];

		while (config_name_next(&n)) {
			if (g->from == CONFIG_FROM_ENV && g->text &&
			    g->text[0] == '\0')
				*g = (struct config_given){ 0 };
			read_variable(all, i, n.text);
			if (g->from == CONFIG_FROM_ENV && g->text && g->text[0])
				break;
		}
	}
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

const char *
config_line(struct config_all *all, int argc, char **argv)
{
	const char *file = getenv("POSTERN_CONFIG"), *value;

	for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++) {
		if (config_is_option(argc, argv, &i, "--config", &value)) {
			if (value == NULL)
				config_fault(all, "--config wants a file");
			else
				file = value;
		} else if (config_is_option(argc, argv, &i, "--set", &value)) {
			read_setting(all, value);
		}
	}
	return file;
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

void
config_file(struct config_all *all, const char *path)
{
	const char *usual = SYSCONFDIR "/postern/postern.yaml";
	const char *why = NULL;
	enum config_reach reach;
	struct str text;

	if (path == NULL && access(usual, F_OK) == 0)
		path = usual;
	all->looked = path == NULL ? arena_fmt(all->arena, "%s (%s)", usual,
	    strerror(errno)).p : path[0] ? path : "a file (none is named)";
	if (path == NULL || path[0] == '\0')
		return;
	text = config_read_file(all->arena, path, CONFIG_FILE_MAX, &reach,
	    &why);
	if (why) {
		config_fault(all, "The configuration file %s %s", path, why);
		return;
	}
	config_yaml(all, text, path);
	if (reach != CONFIG_OWN)
		check_shared(all, path);
}
