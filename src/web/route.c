#include "web/route.h"

#include "base/limits.h"

static const char *const method_names[] = {
	[METHOD_GET] = "GET", [METHOD_HEAD] = "HEAD", [METHOD_POST] = "POST",
	[METHOD_PUT] = "PUT", [METHOD_PATCH] = "PATCH",
	[METHOD_DELETE] = "DELETE", [METHOD_OPTIONS] = "OPTIONS",
};

const char *
route_method(enum method m)
{
	return m >= METHOD_GET && m <= METHOD_OPTIONS ? method_names[m] :
	    "OTHER";
}

bool
routes_complete(void)
{
	for (size_t i = 0; i < routes_count; i++) {
		const struct route *r = &routes[i];

		if (!r->method || !r->path || !r->aliases || !r->handler ||
		    !r->handler->run || !r->who || !r->need || !r->bucket ||
		    !r->lane || !r->flags || !r->doc ||
		    (r->flags & ROUTE_UPLOAD && r->lane != LANE_HEAVY))
			return false;
	}
	return true;
}

/*
 * Does path match a pattern with {…} segments? args receives their values.
 * Most rows differ in the first bytes, and all are looked at in turn.
 */
static bool
matches(struct str pattern, struct str path, struct str args[2])
{
	size_t i = 0, at = 0, n = 0, end;

	for (; i < pattern.n; i++) {
		if (pattern.p[i] != '{') {
			if (at == path.n || path.p[at++] != pattern.p[i])
				return false;
			continue;
		}
		end = at + str_find(str_slice(path, at, path.n), '/');
		if (end == at || n == 2)
			return false;
		args[n++] = str_slice(path, at, end);
		at = end;
		i += str_find(str_slice(pattern, i, pattern.n), '}');
	}
	return at == path.n;
}

/* Is path the row's path or one of its aliases? */
static bool
row_matches(const struct route *r, struct str path, struct str args[2])
{
	struct str rest = str_of(r->aliases), alias;

	if (matches(str_of(r->path), path, args))
		return true;
	while (str_split(&rest, ' ', &alias))
		if (alias.n && matches(alias, path, args))
			return true;
	return false;
}

static struct str
allow_add(struct arena *a, struct str allow, enum method m)
{
	return arena_fmt(a, "%.*s%s%s", STR_FMT(allow), allow.n ? ", " : "",
	    m == METHOD_GET ? "GET, HEAD" : route_method(m));
}

enum err
route_find(struct arena *a, enum method m, struct str path, bool root,
    const struct route **out, struct str args[2], struct str *allow)
{
	enum method wanted = m == METHOD_HEAD ? METHOD_GET : m;
	struct str seen = STR_NONE;

	for (size_t i = 0; i < routes_count; i++) {
		const struct route *r = &routes[i];
		struct str found[2] = { STR_NONE, STR_NONE };

		if ((root && !(r->flags & ROUTE_ROOT)) ||
		    !row_matches(r, path, found))
			continue;
		if (r->method == wanted) {
			*out = r;
			args[0] = found[0];
			args[1] = found[1];
			return E_OK;
		}
		seen = allow_add(a, seen, r->method);
	}
	if (seen.n == 0)
		return E_NOT_FOUND;
	*allow = allow_add(a, seen, METHOD_OPTIONS);
	return E_METHOD;
}

/* A bit for each method by which a row hashes; looked for once. */
static unsigned
hashing_methods(void)
{
	static unsigned found;
	unsigned set = found;

	for (size_t i = 0; found == 0 && i < routes_count; i++)
		if (routes[i].lane == LANE_HEAVY)
			set |= 1u << routes[i].method;
	return found = set;
}

bool
route_may_hash(struct str method)
{
	unsigned set = hashing_methods();

	for (unsigned m = METHOD_GET; m <= METHOD_OPTIONS; m++)
		if (set >> m & 1 && str_eq(method, str_of(method_names[m])))
			return true;
	return false;
}

/* The row of the heavy lane that will serve it, or NULL. */
static const struct route *
heavy_row(const struct request *r)
{
	struct str args[2];

	if (r->dialect == DIALECT_ROOT)
		return NULL;
	for (size_t i = 0; i < routes_count; i++)
		if (routes[i].lane == LANE_HEAVY &&
		    routes[i].method == r->method &&
		    row_matches(&routes[i], r->path, args))
			return &routes[i];
	return NULL;
}

enum row_lane
route_lane(const struct request *r)
{
	return heavy_row(r) ? LANE_HEAVY : LANE_LIGHT;
}

size_t
route_body(const struct request *r)
{
	const struct route *row = heavy_row(r);

	return row && row->flags & ROUTE_UPLOAD ? LIMIT_UPLOAD :
	    LIMIT_BODY_JSON;
}
