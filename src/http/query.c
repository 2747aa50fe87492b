#include "http/query.h"

#include "base/encoding.h"
#include "base/limits.h"

static bool
decode_pair(struct arena *a, struct str text, struct str *out)
{
	if (!percent_decode(a, text, true, out) || !str_utf8(*out, NULL))
		return false;
	for (size_t i = 0; i < out->n; i++) {
		unsigned char c = (unsigned char)out->p[i];

		if (c < 0x20 || c == 0x7f)
			return false;
	}
	return true;
}

static bool
pair_has_name(const struct param *pairs, size_t n, struct str name)
{
	for (size_t i = 0; i < n; i++)
		if (str_eq(pairs[i].name, name))
			return true;
	return false;
}

enum err
query_parse(struct arena *a, struct str query, const struct param **out,
    size_t *npairs)
{
	struct param *pairs;
	struct str piece;
	size_t n = 0, at;

	*npairs = 0;
	*out = NULL;
	if (query.n == 0)
		return E_OK;
	if (query.n > LIMIT_QUERY)
		return E_BAD_REQUEST;
	pairs = arena_array(a, LIMIT_QUERY_PAIRS, sizeof(*pairs));
	while (str_split(&query, '&', &piece)) {
		struct param *q = &pairs[n];

		if (piece.n == 0)
			continue;
		if (n == LIMIT_QUERY_PAIRS)
			return E_BAD_REQUEST;
		at = str_find(piece, '=');
		if (!decode_pair(a, str_slice(piece, 0, at), &q->name) ||
		    !decode_pair(a, str_slice(piece, at + 1, piece.n),
		    &q->value) ||
		    pair_has_name(pairs, n, q->name))
			return E_BAD_REQUEST;
		n++;
	}
	*out = pairs;
	*npairs = n;
	return E_OK;
}
