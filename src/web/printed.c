#include "web/printed.h"

#include "base/memory.h"

static struct printed {
	struct session_source source;
	enum dialect dialect;
	struct str text;
} places[PRINTED_PLACES];

/* The name is a MAC: its first byte is as good as a hash. */
static struct printed *
place_of(const struct session *s)
{
	return &places[s->source.name[0] % PRINTED_PLACES];
}

static void
forget(struct printed *p)
{
	memory_free_secret((char *)(uintptr_t)p->text.p, p->text.n);
	*p = (struct printed){ 0 };
}

struct str
printed_find(const struct session *s, enum dialect d)
{
	const struct printed *p = place_of(s);

	if (s->source.read == 0 || p->source.read != s->source.read ||
	    p->dialect != d || memcmp(p->source.name, s->source.name,
	    sizeof(p->source.name)) != 0)
		return STR_NONE;
	return p->text;
}

void
printed_keep(const struct session *s, enum dialect d, struct str text)
{
	struct printed *p = place_of(s);
	char *copy;

	if (s->source.read == 0 || text.n == 0 || text.n > PRINTED_MOST)
		return;
	forget(p);
	copy = memory_new("a printed answer", 1, text.n);
	memcpy(copy, text.p, text.n);
	*p = (struct printed){ s->source, d, { copy, text.n } };
}

void
printed_forget(void)
{
	for (size_t i = 0; i < PRINTED_PLACES; i++)
		if (places[i].text.p)
			forget(&places[i]);
}
