/* fuzz-sources: src/base/arena.c src/base/memory.c src/base/buf.c src/base/clock.c */
/* fuzz-sources: src/base/encoding.c src/base/log.c src/base/pid.c src/base/str.c */
/* fuzz-sources: src/http/path.c */
/* fuzz-libs: libsodium */
#include "base/encoding.h"
#include "http/path.h"
#include "tests/fuzz/fuzz.h"

/* The canonical path, encoded again. */
static struct str
encode(struct arena *a, struct str path)
{
	struct str rest = str_slice(path, 1, path.n), piece, out = STR("");

	while (rest.n && str_split(&rest, '/', &piece)) {
		struct str e = percent_encode(a, piece);

		out = arena_fmt(a, "%.*s/%.*s", STR_FMT(out), STR_FMT(e));
	}
	return out.n ? out : STR("/");
}

static void
check_form(struct str path)
{
	struct str rest = str_slice(path, 1, path.n), piece;

	FUZZ_HOLDS(path.n && path.p[0] == '/' && str_utf8(path, NULL));
	FUZZ_HOLDS(str_find(path, '\\') == path.n && !str_has_nul(path));
	FUZZ_HOLDS(path.n == 1 || path.p[path.n - 1] != '/');
	while (rest.n && str_split(&rest, '/', &piece))
		FUZZ_HOLDS(piece.n && !str_eq(piece, STR(".")) &&
		    !str_eq(piece, STR("..")));
}

/*
 * A canonical path has the form the router expects, and is a fixed point
 * (row HB6). The first line is SCRIPT_NAME, the second base_path.
 */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct arena *a = fuzz_arena();
	struct str rest = fuzz_str(a, data, n), script, base, path, again;
	enum dialect dialect;

	if (!str_split(&rest, '\n', &script) ||
	    !str_split(&rest, '\n', &base) || rest.p == NULL)
		return 0;
	if (path_canonical(a, rest, &path) != E_OK)
		return 0;
	check_form(path);
	if (path.n < 600) {
		FUZZ_HOLDS(path_canonical(a, encode(a, path), &again) ==
		    E_OK);
		FUZZ_HOLDS(str_eq(path, again));
	}
	if (path_mount(path, base, script, &dialect, &again) == E_OK) {
		check_form(again);
		FUZZ_HOLDS(again.n == 1 || str_ends(path, again));
	}
	return 0;
}
