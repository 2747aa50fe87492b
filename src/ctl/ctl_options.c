#include "ctl/ctl_options.h"

#include <limits.h>
#include <stdio.h>

static enum ctl_asked
wrong(const char *what, const char *word)
{
	fprintf(stderr, "posternctl: %s %s\n", word, what);
	return CTL_ASKED_WRONG;
}

static const struct ctl_option *
find_option(const struct ctl_option *o, struct str name)
{
	for (; o && o->name; o++)
		if (str_eq(str_of(o->name), name))
			return o;
	return NULL;
}

/* False when the value is not of the option's kind. */
static bool
take_value(const struct ctl_option *o, const char *value)
{
	struct ctl_texts *texts = o->out;
	long long number;

	switch (o->kind) {
	case CTL_FLAG:
		*(bool *)o->out = true;
		return true;
	case CTL_TEXT:
		*(const char **)o->out = value;
		return true;
	case CTL_NUMBER:
		if (!str_to_int(str_of(value), 0, INT_MAX, &number))
			return false;
		*(long *)o->out = (long)number;
		return true;
	case CTL_TEXTS:
		if (texts->n == CTL_TEXTS_MAX)
			return false;
		texts->text[texts->n++] = value;
		return true;
	}
	return false;
}

/* One word that begins with "--"; *i moves over a value it takes. */
static enum ctl_asked
read_option(struct ctl *c, const struct ctl_option *options, int argc,
    char **argv, int *i)
{
	const char *word = argv[*i];
	struct str text = str_of(word + 2);
	size_t at = str_find(text, '=');
	const struct ctl_option *o = find_option(options, str_slice(text, 0,
	    at));
	const char *value = at < text.n ? text.p + at + 1 : NULL;

	if (strcmp(word, "--help") == 0)
		return CTL_ASKED_HELP;
	if (strcmp(word, "--version") == 0)
		return CTL_ASKED_VERSION;
	if (strcmp(word, "--json") == 0) {
		c->json = true;
		return CTL_ASKED_NOTHING;
	}
	if (o == NULL)
		return wrong("is not an option of this command", word);
	if (o->kind == CTL_FLAG && value)
		return wrong("takes no value", word);
	if (o->kind != CTL_FLAG && value == NULL) {
		if (*i + 1 >= argc)
			return wrong("wants a value", word);
		value = argv[++*i];
	}
	return take_value(o, value) ? CTL_ASKED_NOTHING :
	    wrong("has a value it cannot take", word);
}

static enum ctl_asked
read_options(struct ctl *c, const struct ctl_option *options, int argc,
    char **argv)
{
	enum ctl_asked asked = CTL_ASKED_NOTHING;
	bool only_args = false;

	c->args = argv;
	for (int i = 1; i < argc; i++) {
		enum ctl_asked now = CTL_ASKED_NOTHING;

		if (!only_args && strcmp(argv[i], "--") == 0)
			only_args = true;
		else if (only_args || strncmp(argv[i], "--", 2) != 0)
			c->args[c->nargs++] = argv[i];
		else
			now = read_option(c, options, argc, argv, &i);
		if (now == CTL_ASKED_WRONG)
			return now;
		if (asked == CTL_ASKED_NOTHING)
			asked = now;
	}
	return asked;
}

enum ctl_asked
ctl_options_read(struct ctl *c, const struct ctl_command *k, int argc,
    char **argv)
{
	enum ctl_asked asked = read_options(c, k->options, argc, argv);

	if (asked != CTL_ASKED_NOTHING)
		return asked;
	if (c->nargs < k->min)
		return wrong("wants more arguments", k->words);
	if (k->max >= 0 && c->nargs > k->max)
		return wrong("takes no such argument",
		    c->args[c->nargs - 1]);
	return asked;
}

enum ctl_asked
ctl_options_common(struct ctl *c, int argc, char **argv)
{
	enum ctl_asked asked = read_options(c, NULL, argc, argv);

	if (asked == CTL_ASKED_NOTHING && c->nargs)
		return wrong("is not a command", c->args[0]);
	return asked;
}
