#include "queue/job.h"

#include <sodium.h>

#include "base/clock.h"
#include "crypto/seal.h"
#include "store/job_store.h"

#define BACKOFF_UNIT (10 * CLOCK_SECOND)
#define BACKOFF_MAX (6 * 3600 * CLOCK_SECOND)

static struct job
job_of(struct arena *a, const struct rows *r, size_t i)
{
	return (struct job){
		.id = row_str(r, i, 0),
		.lease = row_str(r, i, 1),
		.kind = row_str(r, i, 2),
		.sealed = row_bytes(a, r, i, 3),
		.attempts = (int)row_int(r, i, 4),
		.max_attempts = (int)row_int(r, i, 5),
		.created_at = row_int(r, i, 6),
		.expires_at = row_int(r, i, 7),
		.expired = row_bool(r, i, 8),
	};
}

enum err
job_claim(struct queue *q, struct arena *a, int limit, const char *kinds,
    struct job **jobs, size_t *n)
{
	struct rows *r = NULL;
	enum err e = db_exec(q->db, a, Q_JOB_CLAIM, &r, A_INT(limit),
	    A_TEXT(kinds), A_INT(JOB_LEASE), A_STR(q->holder));

	*n = 0;
	if (e != E_OK)
		return e;
	*n = r->n;
	*jobs = arena_array(a, r->n ? r->n : 1, sizeof(**jobs));
	for (size_t i = 0; i < r->n; i++)
		(*jobs)[i] = job_of(a, r, i);
	return E_OK;
}

enum err
job_open(struct queue *q, struct arena *a, struct job *j)
{
	return unseal(a, q->keys, job_bound(a, j->id), j->sealed,
	    &j->payload);
}

/*
 * Run a statement that answers a row when the lease still holds. They may all
 * be repeated, so an unknown outcome is settled by asking again.
 */
static enum err
settle(struct queue *q, struct arena *a, enum query query,
    const struct arg *args, int nargs)
{
	struct rows *r = NULL;
	enum err e;

	while ((e = db_run(q->db, a, query, args, nargs, &r)) ==
	    E_UNAVAILABLE)
		if (!q->patience(q->arg))
			return e;
	if (e != E_OK)
		return e;
	return r->n ? E_OK : E_CONFLICT;
}

#define SETTLE(q, a, query, ...) \
	settle((q), (a), (query), (const struct arg[]){ __VA_ARGS__ }, \
	    (int)(sizeof((const struct arg[]){ __VA_ARGS__ }) / \
		sizeof(struct arg)))

enum err
job_begin(struct queue *q, struct arena *a, struct job *j)
{
	enum err e = SETTLE(q, a, Q_JOB_BEGIN, A_STR(j->id), A_STR(j->lease),
	    A_INT(j->attempts + 1), A_INT(JOB_LEASE));

	if (e == E_OK)
		j->attempts++;
	return e;
}

enum err
job_done(struct queue *q, struct arena *a, const struct job *j)
{
	return SETTLE(q, a, Q_JOB_DONE, A_STR(j->id), A_STR(j->lease));
}

enum err
job_retry(struct queue *q, struct arena *a, const struct job *j,
    int64_t delay, bool free, const char *reason)
{
	return SETTLE(q, a, Q_JOB_RETRY_LATER, A_STR(j->id), A_STR(j->lease),
	    A_INT(delay), A_INT(free ? j->attempts - 1 : j->attempts),
	    A_TEXT(free ? "unreachable" : "retry"), A_TEXT(reason));
}

enum err
job_bury(struct queue *q, struct arena *a, const struct job *j,
    const char *reason)
{
	return SETTLE(q, a, Q_JOB_BURY, A_STR(j->id), A_STR(j->lease),
	    A_TEXT("dead"), A_TEXT(reason));
}

enum err
job_expire(struct queue *q, struct arena *a, const struct job *j)
{
	return SETTLE(q, a, Q_JOB_BURY, A_STR(j->id), A_STR(j->lease),
	    A_TEXT("expired"), A_TEXT("not sent within its life"));
}

enum err
job_release(struct queue *q, struct arena *a, const struct job *j)
{
	return SETTLE(q, a, Q_JOB_RELEASE, A_STR(j->id), A_STR(j->lease));
}

enum err
job_release_holder(struct queue *q, struct arena *a, struct str holder)
{
	return db_exec(q->db, a, Q_JOB_RELEASE_HOLDER, NULL, A_STR(holder));
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
