#include "core/session/session_news.h"

#include "core/session/session_change.h"

static struct command
news_command(struct ctx *x, int64_t since, struct str what)
{
	struct str *argv = arena_array(x->arena, 6, sizeof(*argv));

	argv[0] = STR("EVALSHA");
	argv[1] = cache_script_sha(SCRIPT_NEWS);
	argv[2] = STR("1");
	argv[3] = cache_name_here(x->cache, x->arena, "stale:", STR("news"));
	argv[4] = arena_int(x->arena, since);
	argv[5] = what;
	return (struct command){ argv, 6 };
}

struct command
session_news_command(struct ctx *x, struct str what)
{
	return news_command(x, -1, what);
}

void
session_news_hear(struct ctx *x)
{
	int64_t since = atomic_load(&x->shared->news);
	struct command c;
	struct reply r;

	if (!cache_configured(x->cache) || x->shared->alone)
		return;
	c = news_command(x, since, STR(""));
	if (cache_pipeline(x->cache, x->arena, &c, 1, &r) != E_OK ||
	    r.kind != REPLY_ARRAY || r.n == 0 ||
	    r.item[0].kind != REPLY_INT || r.item[0].number < 0)
		return;
	for (size_t i = 1; i < r.n; i++)
		if (r.item[i].kind == REPLY_TEXT)
			session_change_mark(x, r.item[i].text);
	/* After the marks: who sees the number sees them too. */
	atomic_store(&x->shared->news, r.item[0].number);
}
