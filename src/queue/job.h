#ifndef QUEUE_JOB_H
#define QUEUE_JOB_H

#include "base/arena.h"
#include "base/encoding.h"
#include "base/err.h"
#include "crypto/keyring.h"
#include "store/db.h"

/*
 * The worker's side of table jobs (rows RE2 to RE7). Producers insert in the
 * statement of their cause; see store/job_store.h.
 */
struct job {
	struct str id;	   /* uuid text, stable over retries */
	struct str lease;  /* fencing token of this claim */
	struct str kind;   /* "mail", "maintenance" … */
	struct str payload; /* unsealed JSON */
	int attempts;	   /* this one included */
	int max_attempts;
	int64_t created_at;
	int64_t expires_at; /* 0: never; later it is dropped, visibly */
};

#endif
