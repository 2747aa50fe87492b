#ifndef CORE_MAIL_H
#define CORE_MAIL_H

#include "base/json.h"
#include "core/ctx.h"
#include "store/job_store.h"

/* A mail to one address, from templates/mail/<template>. */
struct mail {
	const char *template;
	struct str to;
	struct str name;  /* greeting */
	cJSON *vars;	  /* or NULL */
	int priority;	  /* 0: somebody waits for it */
	int64_t ttl;	  /* µs until its content is worthless, 0: never */
};

/* Seal it as a job to be inserted in the statement of its cause. */
struct job_draft mail_draft(struct ctx *x, const struct mail *m);

/* Wake the worker: after the commit that inserted a draft. */
void mail_sent(struct ctx *x);

#endif
