#include <stddef.h>

#include "config/config_private.h"

static const char intro[] =
"## Settings of Postern. Every key may stand here, in the environment (its\n"
"## names are in brackets) or on the command line (--set key=value); the\n"
"## command line wins over the environment, that over this file.\n"
"## Lines with one # show the defaults: remove it to change them.\n"
"##\n"
"## A secret K is also read from the file K_file, and NAME from NAME_FILE.\n"
"## Durations: 900 (seconds), 15m, 1h30m, 7d. Lists: [a, b] or \"a, b\".\n"
"## With secrets in it this file must not be readable by everyone.\n";

/* Print v as it is if YAML takes that as a scalar, else in double quotes. */
static void
print_scalar(FILE *out, const char *v)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyz"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._/-";
	struct str s = str_of(v);

	if (s.n && strspn(v, plain) == s.n && v[0] != '-') {
		fputs(v, out);
		return;
	}
	if (str_starts(s, STR("http")) && v[s.n - 1] != ':') {
		fputs(v, out);
		return;
	}
	fputc('"', out);
	for (; *v; v++) {
		unsigned char c = (unsigned char)*v;

		if (c == '"' || c == '\\')
			fprintf(out, "\\%c", c);
		else if (c < 0x20 || c == 0x7f)
			fprintf(out, "\\x%02x", c);
		else
			fputc(c, out);
	}
	fputc('"', out);
}

/*
 * Print the heads of key's sections that are not open yet, each line after
 * lead. *open is the last key printed. Returns the depth; *leaf is the key's
 * last part.
 */
static int
print_sections(FILE *out, const char *lead, const char *key, const char *open,
    const char **leaf)
{
	bool same = true;
	int depth = 0;

	for (;;) {
		size_t n = strcspn(key, "."), m = open ? strcspn(open, ".") : 0;

		if (key[n] == '\0')
			break;
		same = same && open && n == m && open[m] == '.' &&
		    memcmp(key, open, n) == 0;
		if (!same)
			fprintf(out, "%s%*s%.*s:\n", lead, depth * 2, "",
			    (int)n, key);
		key += n + 1;
		open = same ? open + m + 1 : NULL;
		depth++;
	}
	*leaf = key;
	return depth;
}

static void
print_origin(FILE *out, const struct config_given *g)
{
	switch (g->from) {
	case CONFIG_FROM_DEFAULT:
		fputs("default", out);
		break;
	case CONFIG_FROM_PROFILE:
		fputs("profile strict", out);
		break;
	case CONFIG_FROM_ENV:
		fprintf(out, "environment %s", g->name);
		break;
	case CONFIG_FROM_FILE:
	case CONFIG_FROM_MANAGER:
	case CONFIG_FROM_LINE:
		fputs(g->name, out);
		break;
	}
}

void
config_print(const struct config *c, FILE *out)
{
	const struct config_all *all =
	    (const struct config_all *)(const void *)((const char *)c -
	    offsetof(struct config_all, c));
	const char *open = NULL, *leaf;

	for (size_t i = 0; i < CONFIG_ROWS; i++) {
		const struct config_row *r = &config_rows[i];
		const struct config_given *g = &all->given[i];
		int depth = print_sections(out, "", r->key, open, &leaf);

		fprintf(out, "%*s%s: ", depth * 2, "", leaf);
		if (r->kind == CONFIG_SECRET)
			fputs(g->text[0] ? "\"(set)\"" : "\"\"", out);
		else
			print_scalar(out, g->text);
		fputs(" # ", out);
		print_origin(out, g);
		fputc('\n', out);
		open = r->key;
	}
}

/* Print prose in lines of at most 78 columns, each after lead. */
static void
print_wrapped(FILE *out, const char *lead, struct str text)
{
	size_t room = 78 - strlen(lead);

	while (text.n) {
		size_t cut = text.n;

		if (cut > room)
			for (cut = room; cut > 0 && text.p[cut] != ' ';)
				cut--;
		if (cut == 0)
			cut = str_find(text, ' ');
		fprintf(out, "%s%.*s\n", lead, (int)cut, text.p);
		text = str_slice(text, cut < text.n ? cut + 1 : cut, text.n);
	}
}

/* What a value may be, for people; "" when nothing needs saying. */
static struct str
kind_text(struct arena *a, const struct config_row *r)
{
	static const char *const kinds[] = { "text", "secret", "list",
		"number", "true or false", "duration" };
	const char *rule = r->rule;

	if (strcmp(rule, "<key>") == 0 || strcmp(rule, "<keys>") == 0)
		rule = "32 bytes or more";
	if (strcmp(rule, "<password>") == 0 ||
	    strcmp(rule, "<sealing>") == 0 || strcmp(rule, "<conninfo>") == 0)
		rule = "";
	if (strcmp(rule, "<absolute>") == 0)
		rule = "<absolute path>";
	if (rule[0] == '<')
		return arena_fmt(a, "%s%.*s", r->kind == CONFIG_LIST ?
		    "list of " : "", (int)strlen(rule) - 2, rule + 1);
	if (strchr(rule, '|'))
		return arena_fmt(a, "%s", rule[0] == '|' ? rule + 1 : rule);
	return arena_fmt(a, "%s%s%s", kinds[r->kind], rule[0] ? ", " : "",
	    rule);
}

/* What the row does, for people. */
static const char *
doc_text(struct arena *a, const struct config_row *r)
{
	return r->accepted ? arena_fmt(a, "Accepted for compatibility, does "
	    "nothing: %s", r->doc).p : r->doc;
}

void
config_sample(FILE *out)
{
	struct arena *a = arena_new(1u << 20);
	const char *open = NULL, *leaf;

	fputs(intro, out);
	for (size_t i = 0; i < CONFIG_ROWS; i++) {
		const struct config_row *r = &config_rows[i];
		size_t section = strcspn(r->key, ".");
		int depth;

		if (open == NULL || strncmp(open, r->key, section + 1) != 0)
			fputc('\n', out);
		depth = print_sections(out, "#", r->key, open, &leaf);
		print_wrapped(out, "##   ", arena_fmt(a,
		    r->env[0] ? "%s (%.*s) [%s]" : "%s (%.*s)",
		    doc_text(a, r), STR_FMT(kind_text(a, r)), r->env));
		fprintf(out, "#%*s%s: ", depth * 2, "", leaf);
		print_scalar(out, r->dflt);
		fputc('\n', out);
		open = r->key;
	}
	arena_free(&a);
}

static const char reference_intro[] =
"# Configuration\n\n"
"Command line (`--set key=value`) wins over the environment, the environment\n"
"over the YAML file (`--config FILE`, else `POSTERN_CONFIG`, else\n"
"`/etc/postern/postern.yaml` of the installed prefix), that over the default.\n"
"Postern reads all of it once, at start; no request configures anything.\n\n"
"* The first environment name is the canonical one; the others are aliases. A\n"
"  name `AUTH_X` is also accepted as `HOTEL_REVIEWS_AUTH_X`, and in YAML as\n"
"  `auth.x`.\n"
"* Every secret is also read from a file: `NAME_FILE` in the environment,\n"
"  `key_file` in YAML. The file may not be writable by everyone; one that\n"
"  everyone can read is warned of, but on a read-only mount and below\n"
"  `/run/secrets`, where Docker and Kubernetes put it. A secret in quotes or\n"
"  with white space at its end is refused.\n"
"  Secrets are not taken from the command line, and are wiped from the\n"
"  environment after the start.\n"
"* Durations are seconds (`900`) or `15m`, `1h30m`, `7d`; a bare number counts\n"
"  minutes in `JWT_EXPIRY_MINUTES` and days in `REFRESH_TOKEN_EXPIRY_DAYS`.\n"
"  Booleans are `true`/`false`, `1`/`0`, `yes`/`no`, `on`/`off`. Lists are\n"
"  comma separated, in YAML also sequences.\n"
"* An empty variable means \"none\" for texts and lists (`REDIS_HOST=` is no\n"
"  Redis) and \"not given\" for everything else.\n"
"* Unknown keys, values out of bounds, sample secrets, secrets that are short or\n"
"  repeat themselves, and one secret for two purposes stop the start with a\n"
"  sentence that names the key. `posternctl check-config` lists all of them,\n"
"  `postern --print-config` shows what is in force, and from where.\n"
"* `service.profile: strict` uses the value in brackets where none is given.\n"
"* Names of other services that Postern has no use for are accepted for\n"
"  compatibility: the value is checked and does nothing. Each that is set is\n"
"  warned of at the start, by `posternctl check-config` and by\n"
"  `posternctl doctor`.\n"
"\nThis page is made from `src/config/config.def` (`make settings`).\n";

static void
print_names(FILE *out, const char *env)
{
	struct str rest = str_of(env), name;

	for (bool first = true; str_split(&rest, ' ', &name); first = false)
		fprintf(out, "%s`%.*s`", first ? "" : " ", STR_FMT(name));
}

/* Print a table cell; a bar is escaped, since it would end the cell. */
static void
print_cell(FILE *out, struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		fprintf(out, s.p[i] == '|' ? "\\%c" : "%c", s.p[i]);
}

void
config_reference(FILE *out)
{
	struct arena *a = arena_new(1u << 20);
	const char *open = "";

	fputs(reference_intro, out);
	for (size_t i = 0; i < CONFIG_ROWS; i++) {
		const struct config_row *r = &config_rows[i];
		size_t n = strcspn(r->key, ".");

		if (strncmp(open, r->key, n + 1) != 0)
			fprintf(out, "\n## %.*s\n\n"
			    "| key | default | value | environment | |\n"
			    "|---|---|---|---|---|\n", (int)n, r->key);
		fprintf(out, "| `%s` | ", r->key);
		if (r->dflt[0])
			fprintf(out, "`%s`", r->dflt);
		if (r->strict[0])
			fprintf(out, " (`%s`)", r->strict);
		fputs(" | ", out);
		print_cell(out, kind_text(a, r));
		fputs(" | ", out);
		print_names(out, r->env);
		fprintf(out, " | %s |\n", doc_text(a, r));
		open = r->key;
	}
	arena_free(&a);
}
