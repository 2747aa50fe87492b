#include "http/schema.h"

#include "http/dialect.h"
#include "http/field.h"

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
	struct str rest = str_of(row->aliases), alias;

	if (str_eq(name, str_of(row->name)))
		return true;
	while (str_split(&rest, ' ', &alias))
		if (alias.n && str_eq(name, alias))
			return true;
	return false;
}

/* The member of a row; *twice when two of them differ. */
static const cJSON *
find(const struct field *row, const struct member *all, size_t n,
    bool *twice)
{
	const cJSON *hit = NULL;

	*twice = false;
	for (size_t i = 0; i < n; i++) {
		if (cJSON_IsNull(all[i].v) || !is_named(row, all[i].name))
			continue;
		if (hit && !cJSON_Compare(hit, all[i].v, true))
			*twice = true;
		hit = hit ? hit : all[i].v;
	}
	return hit;
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
	if (p[0] >= 'a' && p[0] <= 'z')
		p[0] = (char)(p[0] - 'a' + 'A');
	return p;
}

static const char *
check_row(struct arena *a, const struct field *row, const struct member *all,
    size_t n, struct value *out)
{
	bool twice;
	const cJSON *v = find(row, all, n, &twice);

	if (twice)
		return "is given twice, with different values";
	if (v == NULL)
		return row->required ? "is required" : NULL;
	return field_read(a, row, v, out);
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
