#ifndef QUEUE_JOB_H
#define QUEUE_JOB_H

#include "base/arena.h"
#include "base/err.h"
#include "crypto/keyring.h"
#include "store/db.h"

/*
 * The worker's side of table jobs (rows RE2 to RE7). Producers insert in the
 * statement of their cause; see store/job_store.h.
 *
 * A claim is a lease: JOB_LEASE from the claim, renewed by job_begin, so that
 * a send of at most 30 s always ends within it. Whatever ends a job names the
 * lease; when another worker has the job by then, nothing happens.
 */
#define JOB_LEASE (60 * CLOCK_SECOND)

struct job {
	struct str id;	    /* uuid text, stable over retries */
	struct str lease;   /* fencing token of this claim */
	struct str kind;    /* "mail" … */
	struct str sealed;  /* payload as stored */
	struct str payload; /* after job_open */
	int attempts;	    /* begun, this one included after job_begin */
	int max_attempts;
	int64_t created_at;
	int64_t expires_at; /* 0: never; later it is dropped, visibly */
	bool expired;	    /* by the database's clock, at the claim */
};

/* The doors of a worker to its queue. */
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
};

/*
 * Up to limit due jobs of the kinds (comma separated), most urgent first.
 * They live in a. E_UNAVAILABLE as db_run.
 */
enum err job_claim(struct queue *q, struct arena *a, int limit,
    const char *kinds, struct job **jobs, size_t *n);

/*
 * Unseal the payload (row CF5). E_INTERNAL: it never will be.
 */
enum err job_open(struct queue *q, struct arena *a, struct job *j);

/*
 * Count and trace the attempt (row RE4) and renew the lease. E_CONFLICT: the
 * job is another worker's, or expired, or done: leave it.
 */
enum err job_begin(struct queue *q, struct arena *a, struct job *j);

/*
 * The ends of a job. reason is one line without secrets, kept in the row and
 * logged by none of these. E_CONFLICT: the lease is lost. E_UNAVAILABLE: the
 * database did not answer until patience ended.
 */
enum err job_done(struct queue *q, struct arena *a, const struct job *j);
/* Due again after delay (µs); free: the attempt does not count. */
enum err job_retry(struct queue *q, struct arena *a, const struct job *j,
    int64_t delay, bool free, const char *reason);
enum err job_bury(struct queue *q, struct arena *a, const struct job *j,
    const char *reason);
enum err job_expire(struct queue *q, struct arena *a, const struct job *j);
/* Not begun: due now, for anybody. */
enum err job_release(struct queue *q, struct arena *a, const struct job *j);

/* Give back the claims of a holder that is dead. */
enum err job_release_holder(struct queue *q, struct arena *a,
    struct str holder);

/* Delay before attempt n + 1: min(2^n * 10 s, 6 h), 20 % either way. */
int64_t job_backoff(int attempts);

#endif
