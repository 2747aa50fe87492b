#include "base/encoding.h"
#include "base/log.h"
#include "store/pg/db_private.h"

static const char *
flag(bool yes)
{
	return yes ? "t" : "f";
}

static const char *
number(struct arena *a, int64_t n)
{
	return arena_int(a, n).p;
}

/* A text as a C string, or the bytes of one that may contain a NUL. */
static enum err
bind_text(struct arena *a, struct str s, bool bytes, int i, struct bound *out)
{
	if (s.n > INT32_MAX || (!bytes && str_has_nul(s)))
		return E_BAD_REQUEST;
	out->format[i] = bytes;
	if (s.p == NULL)
		return E_OK;
	out->length[i] = bytes ? (int)s.n : 0;
	if (bytes)
		out->value[i] = s.n ? s.p : "";
	else
		out->value[i] = arena_str(a, s).p;
	return E_OK;
}

static enum err
bind_field(struct arena *a, const struct query_field *f, const void *params,
    int i, struct bound *out)
{
	const void *at = (const char *)params + f->offset;
	const int64_t *n;
	const bool *b;

	switch (f->kind) {
	case QUERY_TEXT:
	case QUERY_BYTES:
		return bind_text(a, *(const struct str *)at,
		    f->kind == QUERY_BYTES, i, out);
	case QUERY_INT:
		out->value[i] = number(a, *(const int64_t *)at);
		break;
	case QUERY_BOOL:
		out->value[i] = flag(*(const bool *)at);
		break;
	case QUERY_MAYBE_INT:
		n = *(const int64_t *const *)at;
		out->value[i] = n ? number(a, *n) : NULL;
		break;
	case QUERY_MAYBE_BOOL:
		b = *(const bool *const *)at;
		out->value[i] = b ? flag(*b) : NULL;
		break;
	}
	return E_OK;
}

enum err
db_bind(struct arena *a, struct statement s, struct bound *out)
{
	const struct query_text *t = &query_table[s.q];

	*out = (struct bound){ .n = t->parameters };
	for (int i = 0; i < out->n; i++) {
		enum err e = bind_field(a, &t->params[i], s.params, i, out);

		if (e != E_OK) {
			log_warn("a text that cannot be stored",
			    log_c("statement", t->name),
			    log_c("parameter", t->params[i].name));
			return e;
		}
	}
	return E_OK;
}
