#ifndef WORKER_JOB_JOB_H
#define WORKER_JOB_JOB_H

#include "base/arena.h"
#include "base/err.h"
#include "crypto/keyring.h"
#include "store/pg/db.h"

/*
 * The worker's side of table jobs (rows RE2 to RE7). Producers insert in the
 * statement of their cause; see store/job_store.h.
 *
 * A claim is a lease and a try begun: counted and traced before anything is
 * sent. What is sent must begin within JOB_BEGIN of the claim; two tries of at
 * most 30 s and 5 s then end within JOB_LEASE. Whatever ends a job names the
 * lease; when another worker has the job by then, nothing happens.
 */
#define JOB_LEASE (60 * CLOCK_SECOND)
#define JOB_BEGIN (20 * CLOCK_SECOND)

struct job {
	struct str id;	    /* uuid text, stable over retries */
	struct str lease;   /* fencing token of this claim */
	struct str kind;    /* "mail" … */
	struct str sealed;  /* payload as stored */
	struct str payload; /* after job_open */
	int attempts;	    /* begun, this one included */
	int priority;
	int64_t created_at;
	int64_t expires;    /* µs, monotonic; INT64_MAX: never. Later it is
			       dropped, visibly */
	int64_t begin_by;   /* µs, monotonic: expires, or the lease is over */
	bool expired;	    /* by the database's clock, at the claim */
	bool spent;	    /* no try is left */
};

/* A worker's access to its queue. */
struct queue {
	struct db *db;
	const struct keyring *keys;
	struct str holder; /* uuid text of this process */
	/*
	 * Called between tries while the database does not answer; false when
	 * it is time to give up. What was sent is then recorded by nobody and
	 * sent again after the lease: waiting is better.
	 */
	bool (*patience)(void *arg);
	void *arg;
	int64_t lost_until; /* until then a lost claim may last */
	bool claims_left;   /* not returned to the database */
};

/*
 * Up to limit due jobs of the kinds (comma separated), most urgent first: how
 * many, 0 with an error, too. They live in a.
 */
size_t job_claim(struct queue *q, struct arena *a, int limit,
    const char *kinds, struct job **jobs);

/*
 * The same in two parts, as db_begin: begin the claim at since (µs, monotonic),
 * then read its answer. E_UNAVAILABLE sets q->lost_until.
 */
void job_claim_begin(struct queue *q, struct arena *a, int limit,
    const char *kinds);
size_t job_claimed(struct queue *q, struct arena *a, int64_t since,
    enum err err, const struct rows *r, struct job **jobs);

/* The same job in an arena of its own. */
struct job job_copy(struct arena *a, const struct job *j);

/* Unseal the payload (row CF5). E_INTERNAL: no key opens it, now or later. */
enum err job_open(const struct keyring *k, struct arena *a, struct job *j);

/*
 * How a claim ended. reason is one line without secrets, kept in the row and
 * logged by none of these; all strings must live until it is settled.
 */
struct job_end {
	struct str id, lease;
	const char *state;
	const char *result; /* of the trace; NULL: nothing was sent */
	int attempts;	    /* that count */
	int64_t delay;	    /* µs */
	const char *reason;
};

struct job_end job_end_done(const struct job *j);
/* Due again after delay (µs); free: the try does not count. */
struct job_end job_end_retry(const struct job *j, int64_t delay, bool free,
    const char *reason);
struct job_end job_end_dead(const struct job *j, bool tried,
    const char *reason);
struct job_end job_end_expired(const struct job *j);
/* Nothing was sent: the job is due now, for any worker, as if unclaimed. */
struct job_end job_end_unsent(const struct job *j);

/*
 * Begin to write ends, in one statement, as db_begin. It may be repeated: a
 * repetition settles an unknown outcome. Then, with its rows (NULL: it failed):
 * was the lease of this end still held?
 */
void job_settle_begin(struct queue *q, struct arena *a,
    const struct job_end *ends, size_t n);
bool job_settled(const struct rows *r, const struct job_end *e);

/*
 * Write one end and wait for the answer. False: the lease was lost, or the
 * database did not answer until patience ended; q->claims_left is then set.
 */
bool job_settle(struct queue *q, struct arena *a, const struct job_end *e);

/*
 * Release the claims of a dead holder, or of this process except for the leases
 * (comma separated) it knows of.
 */
enum err job_release_holder(struct queue *q, struct arena *a,
    struct str holder, struct str leases);

/* Delay before attempt n + 1: min(2^n * 10 s, 6 h), 20 % either way. */
int64_t job_backoff(int attempts);

#endif
