#include <yaml.h>

#include "base/buf.h"
#include "config/config_private.h"

#define DEPTH_MAX 8

/*
 * Reads events, not documents: no tree is built that an alias or deep nesting
 * could blow up.
 */
struct reader {
	struct config_all *all;
	yaml_parser_t parser;
	yaml_event_t event;
	const char *file;
	bool failed;
	bool seen[CONFIG_ROWS];
};

static const char *
where(struct reader *r)
{
	return arena_fmt(r->all->arena, "%s line %zu", r->file,
	    r->event.start_mark.line + 1).p;
}

static void
fail_yaml(struct reader *r, const char *what)
{
	if (!r->failed)
		config_fault(r->all, "%s: %s", where(r), what);
	r->failed = true;
}

/* Read the next event into r->event; false at the end or an error. */
static bool
next_event(struct reader *r)
{
	yaml_event_delete(&r->event);
	if (r->failed)
		return false;
	if (!yaml_parser_parse(&r->parser, &r->event)) {
		r->failed = true;
		config_fault(r->all, "%s line %zu: not valid YAML", r->file,
		    r->parser.problem_mark.line + 1);
		return false;
	}
	if (r->event.type == YAML_ALIAS_EVENT)
		fail_yaml(r, "aliases are not supported");
	return !r->failed;
}

/* YAML cuts a password that begins with ! or & and is not in quotes. */
static bool
is_tagged(const struct reader *r)
{
	const char *tag = (const char *)r->event.data.scalar.tag;

	return r->event.data.scalar.anchor ||
	    (tag && !str_starts(str_of(tag), STR("tag:yaml.org,2002:")));
}

/* The event's scalar; false when it cannot be a setting. */
static bool
scalar(struct reader *r, struct str *out)
{
	struct str v = { (const char *)r->event.data.scalar.value,
		r->event.data.scalar.length };

	if (is_tagged(r)) {
		fail_yaml(r, "tags and anchors are not supported; a value that "
		    "begins with ! or & stands in quotes");
		return false;
	}
	if (v.n > CONFIG_VALUE_MAX || str_has_nul(v)) {
		fail_yaml(r, "a value is too long or holds a NUL");
		return false;
	}
	if (r->event.data.scalar.plain_implicit &&
	    (str_eq(v, STR("~")) || str_eq(v, STR("null"))))
		v = STR("");
	*out = arena_str(r->all->arena, v);
	return true;
}

static void
give(struct reader *r, struct str key, struct str value, const char *at)
{
	bool by_file;
	int row = config_row_find(key, &by_file);

	if (row >= 0 && r->seen[row])
		config_fault(r->all, "%s: %s is there twice", at,
		    config_rows[row].key);
	if (row >= 0)
		r->seen[row] = true;
	config_give_key(r->all, key, value.p, CONFIG_FROM_FILE, at);
}

/* A block or flow sequence of scalars: the pieces of a LIST. */
static void
sequence(struct reader *r, struct str key)
{
	struct buf b = buf_new(r->all->arena, CONFIG_VALUE_MAX);
	const char *at = where(r);
	bool by_file;
	int row = config_row_find(key, &by_file);
	struct str v;

	if (row >= 0 && config_rows[row].kind != CONFIG_LIST) {
		config_fault(r->all, "%s: %s is not a list", at,
		    config_rows[row].key);
		r->failed = true;
	}
	while (next_event(r) && r->event.type == YAML_SCALAR_EVENT) {
		if (!scalar(r, &v))
			return;
		if (b.n)
			buf_byte(&b, ',');
		buf_add(&b, v);
	}
	if (r->failed)
		return;
	if (r->event.type != YAML_SEQUENCE_END_EVENT || b.full)
		fail_yaml(r, "a list may hold only short texts");
	else
		give(r, key, buf_str(&b), at);
}

static void mapping(struct reader *r, struct str prefix, int depth);

/* The section of key; to YAML a password {in braces} looks like one. */
static void
read_section(struct reader *r, struct str key, int depth)
{
	bool by_file;
	int row = config_row_find(key, &by_file);

	if (row >= 0)
		fail_yaml(r, arena_fmt(r->all->arena, "%s is not a section; a "
		    "value that begins with { stands in quotes",
		    config_rows[row].key).p);
	else if (depth == DEPTH_MAX)
		fail_yaml(r, "nested too deeply");
	else
		mapping(r, key, depth + 1);
}

static void
mapping(struct reader *r, struct str prefix, int depth)
{
	while (next_event(r) && r->event.type == YAML_SCALAR_EVENT) {
		struct str key, v;

		if (!scalar(r, &key))
			return;
		key = prefix.n ? arena_fmt(r->all->arena, "%.*s.%.*s",
		    STR_FMT(prefix), STR_FMT(key)) : key;
		if (!next_event(r))
			return;
		if (r->event.type == YAML_MAPPING_START_EVENT) {
			read_section(r, key, depth);
		} else if (r->event.type == YAML_SEQUENCE_START_EVENT) {
			sequence(r, key);
		} else if (scalar(r, &v) &&
		    /* "service:" whose keys are all commented out */
		    !(v.n == 0 && depth == 0)) {
			give(r, key, v, where(r));
		}
	}
	if (!r->failed && r->event.type != YAML_MAPPING_END_EVENT)
		fail_yaml(r, "a key must be a text");
}

static void
document(struct reader *r)
{
	if (!next_event(r) || !next_event(r) ||
	    r->event.type == YAML_STREAM_END_EVENT)
		return; /* an empty file */
	if (!next_event(r))
		return;
	if (r->event.type == YAML_MAPPING_START_EVENT)
		mapping(r, STR_NONE, 0);
	else if (r->event.type != YAML_SCALAR_EVENT ||
	    r->event.data.scalar.length)
		fail_yaml(r, "sections with keys are expected");
	if (!next_event(r) || !next_event(r)) /* the end of the document */
		return;
	if (r->event.type != YAML_STREAM_END_EVENT)
		fail_yaml(r, "a second document begins");
}

void
config_yaml(struct config_all *all, struct str text, const char *file)
{
	struct reader r = { .all = all, .file = file };

	if (!yaml_parser_initialize(&r.parser)) {
		config_fault(all, "%s: no memory to read it", file);
		return;
	}
	yaml_parser_set_input_string(&r.parser,
	    (const unsigned char *)(text.n ? text.p : ""), text.n);
	yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
	document(&r);
	yaml_event_delete(&r.event);
	yaml_parser_delete(&r.parser);
}
