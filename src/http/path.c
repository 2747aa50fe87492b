#include "http/path.h"

#include "base/encoding.h"
#include "base/limits.h"

/* The path of an absolute-form target (RFC 9112, 3.2.2). */
static struct str
drop_authority(struct str uri)
{
	static const struct str schemes[] = {
		{ "http://", 7 }, { "https://", 8 }
	};

	for (size_t i = 0; i < sizeof(schemes) / sizeof(*schemes); i++) {
		size_t n = schemes[i].n, at;

		if (!str_eq_nocase(str_slice(uri, 0, n), schemes[i]))
			continue;
		uri = str_slice(uri, n, uri.n);
		at = str_find(uri, '/');
		return at == uri.n ? STR("/") : str_slice(uri, at, uri.n);
	}
	return uri;
}

/* Refuse bytes that mean something to a file system, a proxy or a log. */
static enum err
check_segment(struct str s)
{
	if (s.n == 0)
		return E_NOT_FOUND;
	if (str_eq(s, STR(".")) || str_eq(s, STR("..")))
		return E_BAD_REQUEST;
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c < 0x20 || c == 0x7f || c == '/' || c == '\\')
			return E_BAD_REQUEST;
		if (c == ';')
			return E_NOT_FOUND;
	}
	return str_utf8(s, NULL) ? E_OK : E_BAD_REQUEST;
}

enum err
path_canonical(struct arena *a, struct str uri, struct str *path)
{
	struct str rest = drop_authority(uri), piece, segment;
	char *p, *at;

	rest = str_slice(rest, 0, str_find(rest, '?'));
	if (rest.n == 0 || rest.n > LIMIT_PATH || rest.p[0] != '/' ||
	    str_find(rest, '#') < rest.n)
		return E_BAD_REQUEST;
	if (rest.n > 1 && rest.p[rest.n - 1] == '/')
		rest.n--;
	at = p = arena_alloc(a, rest.n + 1);
	*at++ = '/';
	rest = str_slice(rest, 1, rest.n);
	while (rest.n && str_split(&rest, '/', &piece)) {
		enum err e;

		if (!percent_decode(a, piece, false, &segment))
			return E_BAD_REQUEST;
		e = check_segment(segment);
		if (e != E_OK)
			return e;
		if (at > p + 1)
			*at++ = '/';
		memcpy(at, segment.p, segment.n);
		at += segment.n;
		/* What remains after the last slash is a segment too. */
		if (rest.p && rest.n == 0)
			return E_NOT_FOUND;
	}
	*path = (struct str){ p, (size_t)(at - p) };
	return E_OK;
}

/* Is path prefix, or below it? *rest is "/" or what stands below. */
static bool
below(struct str path, struct str prefix, struct str *rest)
{
	if (!str_starts(path, prefix))
		return false;
	*rest = str_slice(path, prefix.n, path.n);
	if (rest->n == 0)
		*rest = STR("/");
	return rest->p[0] == '/';
}

static bool
known_mount(struct str path, enum dialect *dialect, struct str *rest)
{
	static const char *const roots[] = { "/health", "/info", "/docs",
		"/openapi.json", "/metrics", "/.well-known" };
	struct str ignored;

	*dialect = DIALECT_V1;
	if (below(path, STR("/api/v1"), rest))
		return true;
	*dialect = DIALECT_API;
	if (below(path, STR("/api"), rest))
		return true;
	*dialect = DIALECT_ROOT;
	*rest = path;
	for (size_t i = 0; i < sizeof(roots) / sizeof(*roots); i++)
		if (below(path, str_of(roots[i]), &ignored))
			return true;
	return false;
}

enum err
path_mount(struct str path, struct str base_path, struct str script_name,
    enum dialect *dialect, struct str *rest)
{
	struct str prefix[] = { base_path, script_name };
	struct str inner;

	for (size_t i = 0; i < 2; i++) {
		if (prefix[i].n && prefix[i].p[prefix[i].n - 1] == '/')
			prefix[i].n--;
		if (prefix[i].n && below(path, prefix[i], &inner) &&
		    known_mount(inner, dialect, rest))
			return E_OK;
	}
	return known_mount(path, dialect, rest) ? E_OK : E_NOT_FOUND;
}
