#include "core/factor/backup.h"

#include <sodium.h>

#include "base/encoding.h"
#include "base/text.h"
#include "crypto/password/password.h"
#include "crypto/token.h"

#define FAST "sha256$" /* no crypt(3) string begins like this */

static const char crockford[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

static struct str
one_code(struct ctx *x)
{
	char *p = arena_alloc(x->arena, BACKUP_CHARS + 1);

	for (int i = 0; i < BACKUP_CHARS; i++)
		p[i] = crockford[randombytes_uniform(32)];
	return (struct str){ p, BACKUP_CHARS };
}

/* Does a code before the n-th begin like code? */
static bool
prefix_taken(const struct backup_set *s, int n, struct str code)
{
	for (int i = 0; i < n; i++)
		if (memcmp(s->codes[i].p, code.p, BACKUP_PREFIX) == 0)
			return true;
	return false;
}

void
backup_make(struct ctx *x, struct backup_set *s)
{
	*s = (struct backup_set){ 0 };
	for (int i = 0; i < BACKUP_CODES; i++)
		do
			s->codes[i] = one_code(x);
		while (prefix_taken(s, i, s->codes[i]));
}

static struct str
hash_backup(struct ctx *x, struct str set_id, struct str code)
{
	struct str bound = arena_fmt(x->arena, "backup/%.*s/%.*s",
	    STR_FMT(set_id), STR_FMT(code));

	return arena_fmt(x->arena, FAST "%.*s", STR_FMT(hex_encode(x->arena,
	    token_hash(x->arena, bound))));
}

void
backup_hash(struct ctx *x, struct backup_set *s)
{
	s->id = uuid_text(x->arena, uuid_v7());
	s->prefixes = s->hashes = STR("");
	for (int i = 0; i < BACKUP_CODES; i++) {
		s->prefixes = arena_fmt(x->arena, "%.*s%s%.*s",
		    STR_FMT(s->prefixes), i ? "\n" : "", BACKUP_PREFIX,
		    s->codes[i].p);
		s->hashes = arena_fmt(x->arena, "%.*s%s%.*s",
		    STR_FMT(s->hashes), i ? "\n" : "",
		    STR_FMT(hash_backup(x, s->id, s->codes[i])));
	}
}

enum err
backup_match(struct ctx *x, struct str set_id, struct str stored,
    struct str code)
{
	struct str fast;
	enum err e;

	if (stored.n == 0)
		return E_FACTOR_INVALID;
	if (!str_starts(stored, STR(FAST))) {
		e = password_verify(x->arena, code, stored, NULL);
		return e == E_CREDENTIALS ? E_FACTOR_INVALID : e;
	}
	fast = hash_backup(x, set_id, code);
	return fast.n == stored.n && sodium_memcmp(fast.p, stored.p,
	    fast.n) == 0 ? E_OK : E_FACTOR_INVALID;
}

struct str
backup_join(struct ctx *x, const struct backup_set *s)
{
	struct str all = STR("");

	for (int i = 0; i < BACKUP_CODES; i++)
		all = arena_fmt(x->arena, "%.*s%s%.*s", STR_FMT(all),
		    i ? "\n" : "", STR_FMT(s->codes[i]));
	return all;
}

bool
backup_split(struct str text, struct backup_set *s)
{
	struct str one;
	int n = 0;

	*s = (struct backup_set){ 0 };
	while (str_split(&text, '\n', &one)) {
		if (n == BACKUP_CODES || one.n != BACKUP_CHARS)
			return false;
		s->codes[n++] = one;
	}
	return n == BACKUP_CODES;
}

static char
read_char(char c)
{
	c = text_upper(c);
	return c == 'O' ? '0' : c == 'I' || c == 'L' ? '1' : c;
}

struct str
backup_read(struct arena *a, struct str typed)
{
	char *p = arena_alloc(a, BACKUP_CHARS + 1);
	size_t n = 0;

	for (size_t i = 0; i < typed.n; i++) {
		char c = read_char(typed.p[i]);

		if (c == ' ' || c == '-')
			continue;
		if (c == '\0' || strchr(crockford, c) == NULL ||
		    n == BACKUP_CHARS)
			return STR_NONE;
		p[n++] = c;
	}
	return n == BACKUP_CHARS ? (struct str){ p, n } : STR_NONE;
}
