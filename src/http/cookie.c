#include "http/cookie.h"

static struct str
unquote(struct str s)
{
	if (s.n >= 2 && s.p[0] == '"' && s.p[s.n - 1] == '"')
		return str_slice(s, 1, s.n - 1);
	return s;
}

static void
look_at(struct str piece, struct str name, size_t *count, struct str *value)
{
	size_t at = str_find(piece, '=');

	if (at == piece.n || !str_eq(str_trim(str_slice(piece, 0, at)), name))
		return;
	*value = unquote(str_trim(str_slice(piece, at + 1, piece.n)));
	++*count;
}

void
cookie_find(struct str header, struct str name, size_t *count,
    struct str *value)
{
	struct str group, piece;

	while (str_split(&header, ';', &group))
		while (str_split(&group, ',', &piece))
			look_at(piece, name, count, value);
}
