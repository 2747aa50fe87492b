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

/*
 * n drafts as the JSON array that a statement inserts them from: several mails
 * with one cause.
 */
struct str mail_batch(struct ctx *x, const struct job_draft *d, size_t n);

/*
 * m to each address that is known to be the user's (row RC3), besides those in
 * *out already; *n counts them. m->to is set for each.
 */
#define MAIL_ADDRESSES 16
enum err mail_everywhere(struct ctx *x, struct str user_id, struct mail m,
    struct job_draft out[MAIL_ADDRESSES], size_t *n);

/* Wake the worker: after the commit that inserted a draft. */
void mail_sent(struct ctx *x);

#endif
