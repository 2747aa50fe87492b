#include "core/access/role.h"

#include <stdlib.h>

#define HELD_CAP ((size_t)4 << 20) /* all roles of a service */

/* name and its permissions, comma separated; in an arena of its own. */
static struct {
	struct arena *arena;
	struct str *name;
	struct str *permissions;
	size_t n;
	int64_t version;
} held;

void
role_forget(void)
{
	held.version = 0;
}

static enum err
read_table(struct ctx *x)
{
	struct rows *r;
	enum err e = db_run(x->db, x->arena, SQL(role_load), &r);

	if (e != E_OK)
		return e;
	if (held.arena == NULL)
		held.arena = arena_new(HELD_CAP);
	arena_reset(held.arena);
	held.n = r->n;
	held.name = arena_array(held.arena, r->n + 1, sizeof(*held.name));
	held.permissions = arena_array(held.arena, r->n + 1,
	    sizeof(*held.permissions));
	held.version = r->n ? role_load_row(r, 0).version : 0;
	for (size_t i = 0; i < r->n; i++) {
		struct role_load_row row = role_load_row(r, i);

		held.name[i] = arena_str(held.arena, row.name);
		held.permissions[i] = arena_str(held.arena, row.permissions);
	}
	return E_OK;
}

static struct str
permissions_of(struct str role)
{
	for (size_t i = 0; i < held.n; i++)
		if (str_eq(held.name[i], role))
			return held.permissions[i];
	return STR_NONE;
}

static int
compare_names(const void *a, const void *b)
{
	struct str x = *(const struct str *)a, y = *(const struct str *)b;
	int c = memcmp(x.p, y.p, x.n < y.n ? x.n : y.n);

	return c ? c : (x.n > y.n) - (x.n < y.n);
}

enum err
role_permissions(struct ctx *x, struct str roles, int64_t version,
    struct str **out, size_t *n)
{
	struct str role, list, one, *all;
	size_t count = 0, kept = 0;
	enum err e;

	if (version == 0 || version != held.version) {
		e = read_table(x);
		if (e != E_OK)
			return e;
	}
	for (struct str rest = roles; str_split(&rest, ',', &role);)
		count += permissions_of(role).n / 2 + 1;
	all = arena_array(x->arena, count + 1, sizeof(*all));
	count = 0;
	for (struct str rest = roles; str_split(&rest, ',', &role);)
		for (list = permissions_of(role); str_split(&list, ',', &one);)
			if (one.n)
				all[count++] = one;
	if (count)
		qsort(all, count, sizeof(*all), compare_names);
	for (size_t i = 0; i < count; i++)
		if (kept == 0 || !str_eq(all[kept - 1], all[i]))
			all[kept++] = all[i];
	*out = all;
	*n = kept;
	return E_OK;
}

enum err
role_holds(struct ctx *x, struct str roles, int64_t version,
    const char *permission)
{
	struct str *have;
	size_t n;
	enum err e = role_permissions(x, roles, version, &have, &n);

	for (size_t i = 0; e == E_OK && i < n; i++)
		if (str_eq(have[i], str_of(permission)))
			return E_OK;
	return e == E_OK ? E_FORBIDDEN : e;
}

struct str
role_primary(struct str roles)
{
	return str_slice(roles, 0, str_find(roles, ','));
}
