#ifndef STORE_JOB_STORE_H
#define STORE_JOB_STORE_H

#include <stdint.h>

#include "base/arena.h"
#include "base/encoding.h"
#include "crypto/keyring.h"
#include "store/pg/db.h"

/*
 * Producers insert in the statement of the cause, as a data-modifying CTE
 * (sql/schema/0002_job.sql shows the form), then call job_wake.
 *
 * What a producer hands to the statement that also makes the cause: job id,
 * kind and sealed payload. All mail and SMS go this way:
 * payload {"template","to","language","name","vars":{…}}.
 */
struct job_draft {
	struct str id;	    /* uuid v7 text */
	struct str kind;
	struct str sealed;  /* bound to "jobs/payload/<id>" */
	int priority;	    /* 0 first */
	int64_t ttl;	    /* µs until it is worthless; 0: never */
	struct job_cap {
		struct str bucket; /* STR_NONE: no quota, always sent */
		long max;	   /* in a window; job_drafts() counts */
		int64_t window;	   /* µs */
	} cap;
};

/* Seal json as the payload of a new job; everything lives in a. */
struct job_draft job_draft(struct arena *a, const struct keyring *k,
    const char *kind, int priority, int64_t ttl, struct str json);

/* What the payload of job id is bound to: "jobs/payload/<id>". */
struct str job_bound(struct arena *a, struct str id);

/*
 * Tell the worker of this host that there is work: one datagram to
 * <runtime_dir>/worker.sock, never blocking, never failing. After commit.
 */
void job_wake(const char *runtime_dir);

#endif
