#include "worker/job/job.h"

#include "base/backoff.h"
#include "base/clock.h"
#include "base/json/json.h"
#include "crypto/seal.h"
#include "store/job_store.h"

#define BACKOFF_UNIT (10 * CLOCK_SECOND)
#define BACKOFF_MAX (6 * 3600 * CLOCK_SECOND)

static struct job
job_of(const struct rows *r, size_t i, int64_t now)
{
	const struct job_claim_row row = job_claim_row(r, i);
	struct job j = {
		.id = row.id,
		.lease = row.lease_token,
		.kind = row.kind,
		.sealed = row.payload,
		.attempts = (int)row.attempts,
		.priority = (int)row.priority,
		.created_at = row.created_at,
		.expires = INT64_MAX,
		.begin_by = now + JOB_BEGIN,
		.expired = row.expired,
		.spent = row.spent,
	};

	if (!row.is_endless)
		j.expires = now + row.time_left;
	if (j.expires < j.begin_by)
		j.begin_by = j.expires;
	return j;
}

size_t
job_claimed(struct queue *q, struct arena *a, int64_t since, enum err err,
    const struct rows *r, struct job **jobs)
{
	if (err == E_UNAVAILABLE)
		q->lost_until = clock_mono() + JOB_LEASE;
	if (err != E_OK)
		return 0;
	*jobs = arena_array(a, r->n ? r->n : 1, sizeof(**jobs));
	for (size_t i = 0; i < r->n; i++)
		(*jobs)[i] = job_of(r, i, since);
	return r->n;
}

void
job_claim_begin(struct queue *q, struct arena *a, int limit,
    const char *kinds)
{
	db_begin(q->db, a, SQL(job_claim, .limit = limit,
	    .kinds = str_of(kinds), .lease = JOB_LEASE, .holder = q->holder));
}

size_t
job_claim(struct queue *q, struct arena *a, int limit, const char *kinds,
    struct job **jobs)
{
	int64_t since = clock_mono(); /* an older claim: neither lives longer */
	struct rows *r = NULL;
	enum err e = db_run(q->db, a, SQL(job_claim, .limit = limit,
	    .kinds = str_of(kinds), .lease = JOB_LEASE, .holder = q->holder),
	    &r);

	return job_claimed(q, a, since, e, r, jobs);
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
job_end_of(const struct job *j, const char *state, const char *result,
    const char *reason)
{
	return (struct job_end){ .id = j->id, .lease = j->lease,
		.state = state, .result = result, .reason = reason,
		.attempts = j->attempts };
}

struct job_end
job_end_done(const struct job *j)
{
	return job_end_of(j, "done", "sent", NULL);
}

struct job_end
job_end_retry(const struct job *j, int64_t delay, bool free,
    const char *reason)
{
	struct job_end e = job_end_of(j, "ready", free ? "unreachable" :
	    "retry",
	    reason);

	e.delay = delay;
	e.attempts -= free;
	return e;
}

/* The claim counted no try for a job that is late or has no tries left. */
static int
untried(const struct job *j)
{
	return j->expired || j->spent ? j->attempts : j->attempts - 1;
}

struct job_end
job_end_dead(const struct job *j, bool tried, const char *reason)
{
	struct job_end e = job_end_of(j, "dead", tried ? "dead" : NULL, reason);

	if (!tried)
		e.attempts = untried(j);
	return e;
}

struct job_end
job_end_expired(const struct job *j)
{
	struct job_end e = job_end_of(j, "expired", NULL,
	    "not sent within its life");

	e.attempts = untried(j);
	return e;
}

struct job_end
job_end_unsent(const struct job *j)
{
	struct job_end e = job_end_of(j, "ready", NULL, NULL);

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

static struct str
ends_json(struct arena *a, const struct job_end *ends, size_t n)
{
	cJSON *list;

	json_use(a);
	list = json_array();
	for (size_t i = 0; i < n; i++)
		json_push(list, end_json(&ends[i]));
	return json_print(a, list);
}

void
job_settle_begin(struct queue *q, struct arena *a, const struct job_end *ends,
    size_t n)
{
	db_begin(q->db, a, SQL(job_settle, .ends = ends_json(a, ends, n)));
}

bool
job_settled(const struct rows *r, const struct job_end *e)
{
	for (size_t i = 0; r && i < r->n; i++)
		if (str_eq(job_settle_row(r, i).id, e->id))
			return true;
	return false;
}

bool
job_settle(struct queue *q, struct arena *a, const struct job_end *e)
{
	struct str ends = ends_json(a, e, 1);
	struct rows *r = NULL;

	while (db_run(q->db, a, SQL(job_settle, .ends = ends), &r) ==
	    E_UNAVAILABLE)
		if (!q->patience(q->arg)) {
			q->claims_left = true;
			break;
		}
	return job_settled(r, e);
}

enum err
job_release_holder(struct queue *q, struct arena *a, struct str holder,
    struct str leases)
{
	return db_run(q->db, a, SQL(job_release_holder, .holder = holder,
	    .leases = leases), NULL);
}

int64_t
job_backoff(int attempts)
{
	return backoff_about(backoff_after(attempts, BACKOFF_UNIT,
	    BACKOFF_MAX));
}
