#include "http/schema.h"

#include "base/text.h"
#include "http/dialect.h"

/* A member of the body under its snake_case name. */
struct member {
	struct str name;
	const cJSON *v;
};

static struct member *
normalise(struct arena *a, const cJSON *o, size_t *n)
{
	size_t count = o ? (size_t)cJSON_GetArraySize(o) : 0;
	struct member *all = arena_array(a, count + 1, sizeof(*all));
	const cJSON *m;

	*n = 0;
	for (m = o ? o->child : NULL; m; m = m->next)
		all[(*n)++] = (struct member){
			dialect_snake(a, str_of(m->string)), m };
	return all;
}

static bool
is_named(const struct field *row, struct str name)
{
	struct str rest = str_of(row->aliases ? row->aliases : ""), alias;

	if (str_eq(name, str_of(row->name)))
		return true;
	while (str_split(&rest, ' ', &alias))
		if (alias.n && str_eq(name, alias))
			return true;
	return false;
}

/* A member that a row names, and its text where it is a string. */
struct hit {
	const cJSON *v;
	struct str text;
};

static bool
is_empty(const struct hit *h)
{
	return cJSON_IsNull(h->v) || (cJSON_IsString(h->v) && h->text.n == 0);
}

/*
 * Do two values say the same? Scalars only: the time that cJSON_Compare() takes
 * to compare trees doubles with every level.
 */
static bool
agree(const struct hit *a, const struct hit *b)
{
	if (cJSON_IsString(a->v) && cJSON_IsString(b->v))
		return str_eq(a->text, b->text);
	if (cJSON_IsNumber(a->v) && cJSON_IsNumber(b->v))
		return !(a->v->valuedouble < b->v->valuedouble) &&
		    !(a->v->valuedouble > b->v->valuedouble);
	return cJSON_IsBool(a->v) && cJSON_IsBool(b->v) &&
	    cJSON_IsTrue(a->v) == cJSON_IsTrue(b->v);
}

/*
 * Find the member of a row: the first one that is filled, else the first one.
 * False when another filled member of the row says something else.
 */
static bool
find_member(struct arena *a, const struct field *row, const struct member *all,
    size_t n, struct hit *out)
{
	*out = (struct hit){ 0 };
	for (size_t i = 0; i < n; i++) {
		struct hit h = { all[i].v, STR_NONE };

		if (!is_named(row, all[i].name))
			continue;
		h.text = field_text(a, row, h.v);
		if (out->v == NULL || is_empty(out))
			*out = out->v && is_empty(&h) ? *out : h;
		else if (!is_empty(&h) && !agree(out, &h))
			return false;
	}
	return true;
}

/* "new_password", "is required" → "New password is required". */
static const char *
sentence(struct arena *a, const char *name, const char *fault)
{
	struct str s = arena_fmt(a, "%s %s", name, fault);
	char *p = arena_alloc(a, s.n + 1);
	size_t n = strlen(name);

	for (size_t i = 0; i < s.n; i++)
		p[i] = i < n && s.p[i] == '_' ? ' ' : s.p[i];
	p[0] = text_upper(p[0]);
	return p;
}

static const char *
check_row(struct arena *a, const struct field *row, const struct member *all,
    size_t n, struct value *out)
{
	struct hit hit;

	if (!find_member(a, row, all, n, &hit))
		return "is given twice, with different values";
	if (hit.v && row->type == FIELD_CLEARED && is_empty(&hit)) {
		*out = (struct value){ .given = true, .text = STR("") };
		return NULL;
	}
	if (hit.v == NULL || cJSON_IsNull(hit.v))
		return row->required ? "is required" : NULL;
	return field_read(a, row, hit.v, out);
}

enum err
schema_check(const struct field *rows, const struct request *r,
    struct response *re, const struct value **values)
{
	struct value *out;
	struct member *all;
	size_t count = 0, n;

	while (rows[count].type != FIELD_END)
		count++;
	out = arena_array(r->arena, count + 1, sizeof(*out));
	*values = out;
	if (r->json && !cJSON_IsObject(r->json)) {
		response_field_error(re, "body", "Body must be an object");
		return E_VALIDATION;
	}
	all = normalise(r->arena, r->json, &n);
	for (size_t i = 0; i < count; i++) {
		const char *fault = check_row(r->arena, &rows[i], all, n,
		    &out[i]);

		if (fault)
			response_field_error(re, rows[i].name,
			    sentence(r->arena, rows[i].name, fault));
	}
	return re->errors ? E_VALIDATION : E_OK;
}
