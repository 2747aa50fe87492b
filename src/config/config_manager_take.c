#include "base/json/json.h"
#include "base/text.h"
#include "config/config_private.h"

/* The row that name is a key or, in either case, a variable of; -1: none. */
static int
row_of(struct str name)
{
	bool by_file;
	int row = config_row_find(name, &by_file);

	if (row >= 0)
		return by_file ? -1 : row;
	for (size_t i = 0; i < CONFIG_ROWS; i++) {
		struct config_name n = { .rest = config_rows[i].env };

		while (config_name_next(&n))
			if (str_eq_nocase(str_of(n.text), name))
				return (int)i;
	}
	return -1;
}

/* A manager may hold what is not for us; a wrong name is told all the same. */
static void
unknown(struct config_all *all, struct str name)
{
	bool show = name.n <= 80 && text_only(name, "._-");

	config_warn(all, "the manager of secrets gives %.*s, which is no "
	    "setting", show ? (int)name.n : 9, show ? name.p : "something");
}

/* Is another source, stronger than the manager, used in its place? */
static void
tell_shadowed(struct config_all *all, size_t row)
{
	const struct config_given *g = &all->given[row];

	if (g->text && g->text[0] && g->from > CONFIG_FROM_MANAGER)
		config_warn(all, "%s is given by the manager of secrets too; "
		    "the one used is from %s", config_rows[row].key, g->name);
}

static void
take(struct config_all *all, struct str name, struct str value)
{
	struct config_given g = { .from = CONFIG_FROM_MANAGER,
		.name = "the manager of secrets", .by_file = true };
	int row = row_of(name);

	if (row < 0) {
		unknown(all, name);
		return;
	}
	if (row >= CONFIG_MANAGER_FIRST && row < CONFIG_MANAGER_PAST) {
		config_fault(all, "%s cannot come from the manager of secrets",
		    config_rows[row].key);
		return;
	}
	while (value.n && (value.p[value.n - 1] == '\n' ||
	    value.p[value.n - 1] == '\r'))
		value.n--;
	if (str_has_nul(value) || value.n > CONFIG_VALUE_MAX) {
		config_fault(all, "%s (the manager of secrets) is too long, or "
		    "holds a NUL byte", config_rows[row].key);
		return;
	}
	tell_shadowed(all, (size_t)row);
	g.text = arena_cstr(all->arena, value);
	config_give(all, (size_t)row, &g);
}

/* A string, or a number or truth value as it would be written. */
static struct str
text_of(struct config_all *all, const cJSON *v)
{
	if (cJSON_IsString(v))
		return json_text(v);
	if (cJSON_IsNumber(v) || cJSON_IsBool(v))
		return json_print(all->arena, v);
	return STR_NONE;
}

static void
take_object(struct config_all *all, struct str text)
{
	struct arena *before = json_use(all->arena);
	const char *why = "";
	cJSON *object;

	if (json_parse(all->arena, text, 4, &object, &why) != E_OK ||
	    !cJSON_IsObject(object))
		config_fault(all, "the manager of secrets gave JSON that is "
		    "not an object of names and values");
	else
		for (cJSON *v = object->child; v; v = v->next) {
			struct str value = text_of(all, v);

			if (value.p)
				take(all, str_of(v->string), value);
			else
				unknown(all, str_of(v->string));
		}
	json_use(before);
}

/* NAME=value, an export before it or not; # begins a comment. */
static void
take_line(struct config_all *all, struct str line, size_t number)
{
	size_t at;

	line = str_trim(line);
	if (str_starts(line, STR("export ")))
		line = str_trim(str_slice(line, 7, line.n));
	if (line.n == 0 || line.p[0] == '#')
		return;
	at = str_find(line, '=');
	if (at == line.n)
		config_fault(all, "line %zu of what the manager of secrets "
		    "gave is not NAME=value", number);
	else
		take(all, str_trim(str_slice(line, 0, at)),
		    str_slice(line, at + 1, line.n));
}

void
config_manager_take(struct config_all *all, struct str answer)
{
	struct str rest = answer, line;
	size_t number = 0;

	while (rest.n && strchr(" \t\r\n", rest.p[0]))
		rest = str_slice(rest, 1, rest.n);
	if (rest.n && rest.p[0] == '{') {
		take_object(all, rest);
		return;
	}
	while (str_split(&rest, '\n', &line))
		take_line(all, line, ++number);
}
