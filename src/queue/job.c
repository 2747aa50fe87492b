#include "queue/job.h"

#include <sodium.h>

#include "base/clock.h"
#include "base/json.h"
#include "crypto/seal.h"
#include "store/job_store.h"

#define BACKOFF_UNIT (10 * CLOCK_SECOND)
#define BACKOFF_MAX (6 * 3600 * CLOCK_SECOND)

static struct job
job_of(struct arena *a, const struct rows *r, size_t i, int64_t now)
{
	struct job j = {
		.id = row_str(r, i, 0),
		.lease = row_str(r, i, 1),
		.kind = row_str(r, i, 2),
		.sealed = row_bytes(a, r, i, 3),
		.attempts = (int)row_int(r, i, 4),
		.priority = (int)row_int(r, i, 5),
		.created_at = row_int(r, i, 6),
		.expires = INT64_MAX,
		.begin_by = now + JOB_BEGIN,
		.expired = row_bool(r, i, 8),
		.spent = row_bool(r, i, 9),
	};

	if (!row_null(r, i, 7))
		j.expires = now + row_int(r, i, 7);
	if (j.expires < j.begin_by)
		j.begin_by = j.expires;
	return j;
}

enum err
job_claim(struct queue *q, struct arena *a, int limit, const char *kinds,
    struct job **jobs, size_t *n)
{
	int64_t now = clock_mono(); /* before: neither lives longer */
	struct rows *r = NULL;
	enum err e = db_exec(q->db, a, Q_JOB_CLAIM, &r, A_INT(limit),
	    A_TEXT(kinds), A_INT(JOB_LEASE), A_STR(q->holder));

	*n = 0;
	if (e == E_UNAVAILABLE)
		q->lost_until = clock_mono() + JOB_LEASE;
	if (e != E_OK)
		return e;
	*n = r->n;
	*jobs = arena_array(a, r->n ? r->n : 1, sizeof(**jobs));
	for (size_t i = 0; i < r->n; i++)
		(*jobs)[i] = job_of(a, r, i, now);
	return E_OK;
}

struct job
job_copy(struct arena *a, const struct job *j)
{
	struct job c = *j;

	c.id = arena_str(a, j->id);
	c.lease = arena_str(a, j->lease);
	c.kind = arena_str(a, j->kind);
	c.sealed = arena_str(a, j->sealed);
	return c;
}

enum err
job_open(const struct keyring *k, struct arena *a, struct job *j)
{
	return unseal(a, k, job_bound(a, j->id), j->sealed,
	    &j->payload);
}

static struct job_end
end_of(const struct job *j, const char *state, const char *result,
    const char *reason)
{
	return (struct job_end){ .id = j->id, .lease = j->lease,
		.state = state, .result = result, .reason = reason,
		.attempts = j->attempts };
}

struct job_end
job_end_done(const struct job *j)
{
	return end_of(j, "done", "sent", NULL);
}

struct job_end
job_end_retry(const struct job *j, int64_t delay, bool free,
    const char *reason)
{
	struct job_end e = end_of(j, "ready", free ? "unreachable" : "retry",
	    reason);

	e.delay = delay;
	e.attempts -= free;
	return e;
}

/* Neither late nor spent ones were counted by the claim. */
static int
untried(const struct job *j)
{
	return j->expired || j->spent ? j->attempts : j->attempts - 1;
}

struct job_end
job_end_dead(const struct job *j, bool tried, const char *reason)
{
	struct job_end e = end_of(j, "dead", tried ? "dead" : NULL, reason);

	if (!tried)
		e.attempts = untried(j);
	return e;
}

struct job_end
job_end_expired(const struct job *j)
{
	struct job_end e = end_of(j, "expired", NULL,
	    "not sent within its life");

	e.attempts = untried(j);
	return e;
}

struct job_end
job_end_unsent(const struct job *j)
{
	struct job_end e = end_of(j, "ready", NULL, NULL);

	e.attempts = untried(j);
	return e;
}

static cJSON *
end_json(const struct job_end *e)
{
	cJSON *o = json_object();

	json_add_str(o, "id", e->id);
	json_add_str(o, "lease", e->lease);
	json_add_str(o, "state", str_of(e->state));
	json_add_str(o, "result", str_of(e->result));
	json_add_int(o, "attempts", e->attempts);
	json_add_int(o, "delay", e->delay);
	json_add_str(o, "reason", str_of(e->reason));
	return o;
}

static bool
is_in(const struct rows *r, struct str id)
{
	for (size_t i = 0; i < r->n; i++)
		if (str_eq(row_str(r, i, 0), id))
			return true;
	return false;
}

/* It may be repeated: an unknown outcome is settled by asking again. */
enum err
job_settle(struct queue *q, struct arena *a, const struct job_end *ends,
    size_t n, bool *ours)
{
	struct rows *r = NULL;
	struct str text;
	cJSON *list;
	enum err e;

	json_use(a);
	list = json_array();
	for (size_t i = 0; i < n; i++)
		json_push(list, end_json(&ends[i]));
	text = json_print(a, list);
	while ((e = db_exec(q->db, a, Q_JOB_SETTLE, &r, A_STR(text))) ==
	    E_UNAVAILABLE)
		if (!q->patience(q->arg)) {
			q->claims_left = true;
			return e;
		}
	for (size_t i = 0; e == E_OK && ours && i < n; i++)
		ours[i] = is_in(r, ends[i].id);
	return e;
}

enum err
job_release_holder(struct queue *q, struct arena *a, struct str holder,
    struct str leases)
{
	return db_exec(q->db, a, Q_JOB_RELEASE_HOLDER, NULL, A_STR(holder),
	    A_STR(leases));
}

int64_t
job_backoff(int attempts)
{
	int64_t t = BACKOFF_MAX;

	/* 2^12 units are past the cap: a larger shift is never needed. */
	if (attempts < 12)
		t = BACKOFF_UNIT << (attempts < 0 ? 0 : attempts);
	if (t > BACKOFF_MAX)
		t = BACKOFF_MAX;
	return t - t / 5 + (int64_t)randombytes_uniform((uint32_t)
	    (t / CLOCK_MS * 2 / 5)) * CLOCK_MS;
}
