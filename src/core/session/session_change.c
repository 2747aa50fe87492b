#include "core/session/session_change.h"

#include "base/clock.h"

#define HEARD (CLOCK_SECOND)
#define ASK_EVERY (750 * CLOCK_MS)
#define ASK_AGAIN (250 * CLOCK_MS) /* the asking process may have ended */
#define COMMIT (12 * CLOCK_SECOND) /* if it takes longer, the log says so */
#define MANY 1000 /* changes that are told one by one */

static _Atomic int64_t *
change_place(const struct ctx *x, struct str id)
{
	uint64_t h = 14695981039346656037ull; /* FNV-1a */

	for (size_t i = 0; i < id.n; i++)
		h = (h ^ (uint8_t)id.p[i]) * 1099511628211ull;
	return &x->shared->changed_at[(h ^ h >> 32) % SHARED_CHANGES];
}

int64_t
session_change_clock(const struct ctx *x)
{
	int64_t ahead = atomic_load(&x->shared->database_ahead);

	return ahead ? clock_boot() + ahead : clock_wall();
}

/* Entries read before that time are not trusted. */
static void
doubt(struct ctx *x, struct str id, int64_t time)
{
	_Atomic int64_t *p = change_place(x, id);
	int64_t before = atomic_load(p);

	while (before < time &&
	    !atomic_compare_exchange_weak(p, &before, time))
		continue;
}

void
session_change_mark(struct ctx *x, struct str id)
{
	doubt(x, id, session_change_clock(x) + COMMIT);
}

bool
session_change_since(const struct ctx *x, struct str id, int64_t read)
{
	return read < atomic_load(change_place(x, id));
}

bool
session_change_heard(const struct ctx *x)
{
	int64_t age = clock_boot() - atomic_load(&x->shared->changes_asked);

	/* A process without shared memory does not learn what others change. */
	return !x->shared->alone && age >= 0 && age < HEARD;
}

bool
session_change_due(struct ctx *x)
{
	int64_t now = clock_boot();
	int64_t age = now - atomic_load(&x->shared->changes_asked);
	int64_t claimed = atomic_load(&x->shared->changes_claimed);
	bool taken = claimed <= now && now - claimed < ASK_AGAIN;

	if (x->shared->alone || (age >= 0 && age < ASK_EVERY) || taken)
		return false;
	return atomic_compare_exchange_strong(&x->shared->changes_claimed,
	    &claimed, now);
}

/*
 * Set the marks first: a process that sees the time of the question sees them
 * too.
 */
static void
hear(struct ctx *x, const struct rows *r, int64_t asked)
{
	const struct session_changes_row row = session_changes_row(r, 0);
	struct str ids = row.ids, id;
	long long xmin = 0;
	size_t n = 0;
	int64_t time = row.asked_at;
	int64_t before = atomic_load(&x->shared->changes_asked);

	while (str_split(&ids, ' ', &id)) {
		doubt(x, id, time);
		n += id.n > 0;
	}
	if (n >= MANY)
		doubt(x, STR("roles"), time);
	atomic_store(&x->shared->database_ahead, time - asked);
	if (str_to_int(row.next_xmin, 0, INT64_MAX, &xmin))
		atomic_store(&x->shared->changes_xmin, xmin);
	while ((before < asked || before > clock_boot()) &&
	    !atomic_compare_exchange_weak(&x->shared->changes_asked, &before,
	    asked))
		continue;
}

/* What was heard last, for the question what has changed since. */
static struct str
heard_last(const struct ctx *x)
{
	return arena_int(x->arena, atomic_load(&x->shared->changes_xmin));
}

enum err
session_change_ask(struct ctx *x, const struct statement *step,
    struct rows **out)
{
	int64_t asked = clock_boot();
	const struct statement steps[] = { *step, SQL(session_changes,
	    .xmin = heard_last(x), .most = MANY) };
	struct rows *r[2];
	enum err e = db_batch(x->db, x->arena, steps, 2, r);

	if (e != E_OK)
		return e;
	hear(x, r[1], asked);
	*out = r[0];
	return E_OK;
}

enum err
session_change_hear(struct ctx *x)
{
	int64_t asked = clock_boot();
	struct rows *r;
	enum err e;

	if (x->shared->alone)
		return E_OK;
	e = db_run(x->db, x->arena, SQL(session_changes,
	    .xmin = heard_last(x), .most = MANY), &r);
	if (e == E_OK)
		hear(x, r, asked);
	return e;
}
