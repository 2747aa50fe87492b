#include "worker/message/template.h"

#include "base/buf.h"
#include "base/encoding.h"
#include "base/text.h"

enum tag_kind {
	TAG_END, /* of the text */
	TAG_BAD,
	TAG_VARIABLE,
	TAG_RAW,
	TAG_SECTION,
	TAG_INVERTED,
	TAG_CLOSE,
	TAG_PARTIAL,
	TAG_COMMENT
};

struct tag {
	enum tag_kind kind;
	struct str name;
	size_t start; /* literal text ends here */
	size_t end;   /* and goes on here */
};

struct scope {
	const struct scope *outer;
	const cJSON *value;
};

struct render {
	struct arena *arena;
	enum template_kind kind;
	template_partial *partial;
	void *arg;
	struct buf out;
	int steps;
	bool all; /* sections are entered, whatever the values are */
	const char *why;
};

/* A part of a template: a section's inside, or all of it. */
struct part {
	struct str text;
	size_t from;
	size_t to;
};

static bool body(struct render *r, struct part p, const struct scope *s,
    int depth);

static bool
fail_template(struct render *r, const char *why)
{
	if (r->why == NULL)
		r->why = why;
	return false;
}

/* Position of needle in s from `from` on, or s.n. */
static size_t
find_text(struct str s, size_t from, struct str needle)
{
	const char *hit = from < s.n ?
	    memmem(s.p + from, s.n - from, needle.p, needle.n) : NULL;

	return hit ? (size_t)(hit - s.p) : s.n;
}

/*
 * A tag other than a variable that stands alone on its line takes the whole
 * line with it, as the Mustache specification has it.
 */
static void
take_line(struct str text, struct tag *t)
{
	size_t a = t->start, b = t->end;

	while (a > 0 && (text.p[a - 1] == ' ' || text.p[a - 1] == '\t'))
		a--;
	if (a > 0 && text.p[a - 1] != '\n')
		return;
	while (b < text.n && (text.p[b] == ' ' || text.p[b] == '\t'))
		b++;
	if (b < text.n && text.p[b] == '\r')
		b++;
	if (b < text.n && text.p[b] != '\n')
		return;
	t->start = a;
	t->end = b < text.n ? b + 1 : b;
}

static bool
template_name_ok(struct str name)
{
	return name.n > 0 && name.n <= 100 && text_only(name, "_-.:");
}

static enum tag_kind
sigil(char c)
{
	switch (c) {
	case '#': return TAG_SECTION;
	case '^': return TAG_INVERTED;
	case '/': return TAG_CLOSE;
	case '>': return TAG_PARTIAL;
	case '!': return TAG_COMMENT;
	default: return TAG_VARIABLE;
	}
}

/* The first tag of text at or behind `from`. */
static struct tag
next_tag(struct str text, size_t from)
{
	size_t open = find_text(text, from, STR("{{")), close;
	struct tag t = { .kind = TAG_END, .start = text.n, .end = text.n };
	struct str in;

	if (open == text.n)
		return t;
	t.kind = TAG_BAD;
	t.start = open;
	if (open + 2 < text.n && text.p[open + 2] == '{') {
		close = find_text(text, open + 3, STR("}}}"));
		if (close == text.n)
			return t;
		t.end = close + 3;
		t.name = str_trim(str_slice(text, open + 3, close));
		t.kind = template_name_ok(t.name) ? TAG_RAW : TAG_BAD;
		return t;
	}
	close = find_text(text, open + 2, STR("}}"));
	if (close == text.n || close == open + 2)
		return t;
	t.end = close + 2;
	in = str_slice(text, open + 2, close);
	t.kind = sigil(in.p[0]);
	t.name = str_trim(t.kind == TAG_VARIABLE ? in : str_slice(in, 1, in.n));
	if (t.kind != TAG_VARIABLE)
		take_line(text, &t);
	if (t.kind != TAG_COMMENT && !template_name_ok(t.name))
		t.kind = TAG_BAD;
	return t;
}

/* The tag that closes the section opened by `open`. */
static struct tag
closing(struct render *r, struct str text, const struct tag *open)
{
	size_t from = open->end;
	int depth = 0;

	for (;;) {
		struct tag t = next_tag(text, from);

		if (t.kind == TAG_END || t.kind == TAG_BAD) {
			t.kind = TAG_BAD;
			return t;
		}
		if (t.kind == TAG_SECTION || t.kind == TAG_INVERTED)
			depth++;
		if (t.kind == TAG_CLOSE && depth-- == 0) {
			if (!str_eq(t.name, open->name))
				t.kind = TAG_BAD;
			return t;
		}
		if (depth > TEMPLATE_DEPTH || ++r->steps > TEMPLATE_STEPS) {
			t.kind = TAG_BAD;
			return t;
		}
		from = t.end;
	}
}

/* By a name that ends in no NUL, so not json_get. */
static const cJSON *
member(const cJSON *o, struct str name)
{
	const cJSON *m = NULL;

	if (cJSON_IsObject(o))
		cJSON_ArrayForEach(m, o)
			if (str_eq(str_of(m->string), name))
				break;
	return m;
}

/* The first piece of a name from the inside out, the others below it. */
static const cJSON *
look_up(const struct scope *s, struct str name)
{
	struct str rest = name, piece;
	const cJSON *v = NULL;

	if (str_eq(name, STR(".")))
		return s->value;
	if (!str_split(&rest, '.', &piece))
		return NULL;
	for (; s && v == NULL; s = s->outer)
		v = member(s->value, piece);
	while (v && str_split(&rest, '.', &piece))
		v = member(v, piece);
	return v;
}

static struct str
entity(char c)
{
	switch (c) {
	case '&': return STR("&amp;");
	case '<': return STR("&lt;");
	case '>': return STR("&gt;");
	case '"': return STR("&quot;");
	case '\'': return STR("&#39;");
	case '`': return STR("&#96;");
	default: return STR_NONE;
	}
}

static bool
is_text_control(char c)
{
	return (unsigned char)c < 0x20 || c == 0x7f;
}

static void
put_escaped(struct render *r, struct str s)
{
	bool blank = false;

	for (size_t i = 0; i < s.n; i++) {
		char c = is_text_control(s.p[i]) ? ' ' : s.p[i];
		struct str e = r->kind == TEMPLATE_HTML ? entity(c) : STR_NONE;

		if (r->kind == TEMPLATE_HEADER && c == ' ' && blank)
			continue;
		blank = c == ' ';
		if (e.p)
			buf_add(&r->out, e);
		else
			buf_byte(&r->out, c);
	}
}

static struct str
printed(struct render *r, const cJSON *v)
{
	if (v == NULL || cJSON_IsNull(v) || cJSON_IsArray(v) ||
	    cJSON_IsObject(v))
		return STR_NONE;
	return cJSON_IsString(v) ? json_text(v) : json_print(r->arena, v);
}

static bool
variable(struct render *r, const struct tag *t, const struct scope *s)
{
	const struct str url = STR("url:");
	struct str name = t->name;

	if (t->kind == TAG_RAW) {
		if (r->kind != TEMPLATE_TEXT)
			return fail_template(r,
			    "a raw variable outside a text");
		buf_add(&r->out, printed(r, look_up(s, name)));
	} else if (str_starts(name, url)) {
		name = str_slice(name, url.n, name.n);
		put_escaped(r, percent_encode(r->arena,
		    printed(r, look_up(s, name))));
	} else {
		put_escaped(r, printed(r, look_up(s, name)));
	}
	return true;
}

static bool
truthy(const cJSON *v)
{
	if (v == NULL || cJSON_IsNull(v) || cJSON_IsFalse(v))
		return false;
	if (cJSON_IsArray(v))
		return cJSON_GetArraySize(v) > 0;
	if (cJSON_IsString(v))
		return json_text(v).n > 0;
	return !cJSON_IsNumber(v) || v->valuedouble != 0.0;
}

static bool
render_section(struct render *r, const struct tag *t, struct part inner,
    const struct scope *s, int depth)
{
	const cJSON *v = look_up(s, t->name), *item;

	if (r->all)
		return body(r, inner, s, depth);
	if (t->kind == TAG_INVERTED)
		return truthy(v) || body(r, inner, s, depth);
	if (!truthy(v))
		return true;
	if (!cJSON_IsArray(v))
		return body(r, inner, &(struct scope){ s, v }, depth);
	cJSON_ArrayForEach(item, v)
		if (!body(r, inner, &(struct scope){ s, item }, depth))
			return false;
	return true;
}

static bool
include(struct render *r, struct str name, const struct scope *s, int depth)
{
	struct str text;

	if (r->partial == NULL || !r->partial(r->arg, name, &text))
		return fail_template(r, "a partial that is not there");
	return body(r, (struct part){ text, 0, text.n }, s, depth);
}

/* One tag; *at moves behind it, and behind the section it opens. */
static bool
execute(struct render *r, struct str text, const struct tag *t,
    const struct scope *s, int depth, size_t *at)
{
	struct tag end;

	*at = t->end;
	switch (t->kind) {
	case TAG_VARIABLE:
	case TAG_RAW:
		return variable(r, t, s);
	case TAG_SECTION:
	case TAG_INVERTED:
		end = closing(r, text, t);
		if (end.kind != TAG_CLOSE)
			return fail_template(r, "a section that is not closed");
		*at = end.end;
		return render_section(r, t,
		    (struct part){ text, t->end, end.start },
		    s, depth + 1);
	case TAG_PARTIAL:
		return include(r, t->name, s, depth + 1);
	case TAG_COMMENT:
		return true;
	case TAG_CLOSE:
		return fail_template(r, "an end without its section");
	default:
		return fail_template(r, "a malformed tag");
	}
}

static bool
body(struct render *r, struct part p, const struct scope *s, int depth)
{
	size_t at = p.from;

	if (depth > TEMPLATE_DEPTH)
		return fail_template(r, "nested too deep");
	if (p.text.n > TEMPLATE_MAX)
		return fail_template(r, "template too long");
	for (;;) {
		struct tag t = next_tag(p.text, at);
		bool last = t.kind == TAG_END || t.start >= p.to;

		buf_add(&r->out,
		    str_slice(p.text, at, last ? p.to : t.start));
		if (r->out.full || ++r->steps > TEMPLATE_STEPS)
			return fail_template(r, "result too long");
		if (last)
			return true;
		if (!execute(r, p.text, &t, s, depth, &at))
			return false;
	}
}

bool
template_render(struct arena *a, enum template_kind kind, struct str text,
    const cJSON *values, template_partial *partial, void *arg,
    struct str *out, const char **why)
{
	struct render r = {
		.arena = a,
		.kind = kind,
		.partial = partial,
		.arg = arg,
		.out = buf_new(a, TEMPLATE_OUT_MAX),
		.all = values == NULL,
	};
	struct scope top = { NULL, values };

	if (!body(&r, (struct part){ text, 0, text.n }, &top, 0) || r.out.full) {
		*why = r.why ? r.why : "result too long";
		return false;
	}
	*out = buf_str(&r.out);
	return true;
}
