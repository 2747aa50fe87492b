#ifndef CORE_OUTGOING_MAIL_H
#define CORE_OUTGOING_MAIL_H

#include "base/json/json.h"
#include "core/ctx.h"
#include "store/job_store.h"

/*
 * A mail to one address, from templates/mail/<template>; or an SMS to one
 * number, from templates/sms/<template>.
 */
struct mail {
	const char *template;
	bool sms;
	struct str to;
	struct str name;  /* greeting */
	cJSON *vars;	  /* or NULL */
	int priority;	  /* 0: somebody waits for it */
	int64_t ttl;	  /* µs until its content is worthless, 0: never */
	/*
	 * The address is not proved to be the user's: the mail contains no name
	 * or other text that a client chose, and counts against limit_mail_cap,
	 * unless limit_mail has counted it already.
	 */
	bool unproved;
	bool counted;
};

/* Seal it as a job to be inserted in the statement of its cause. */
struct job_draft mail_draft(struct ctx *x, const struct mail *m);

/*
 * n drafts as the JSON array that the statement of their cause inserts them
 * from, by job_drafts().
 */
struct str mail_batch(struct ctx *x, const struct job_draft *d, size_t n);

/*
 * The addresses that get the notices about an account, from the view
 * addressees: every address known to be the user's (rows LG11, RC3), so that a
 * thief who reads one mailbox cannot hide a notice from the owner of the
 * others.
 */
struct addressee {
	struct str name;      /* greeting */
	struct str addresses; /* a line each, none twice */
	bool proved; /* somebody has proved the account's address */
};

/* That of a user; empty where there is none. */
enum err mail_addressee(struct ctx *x, struct str user_id,
    struct addressee *out);

/* The variables that every notice has: when, and from where. */
cJSON *mail_where(struct ctx *x);

/*
 * A notice from templates/mail/<template> to each address of to, besides what
 * is in *out already; *n counts the drafts.
 */
#define MAIL_ADDRESSES 16
void mail_each(struct ctx *x, const struct addressee *to,
    const char *template, cJSON *vars, struct job_draft out[MAIL_ADDRESSES],
    size_t *n);

/* The same alone, as mail_batch has it. */
struct str mail_notice(struct ctx *x, const struct addressee *to,
    const char *template, cJSON *vars);

/* The same to a user of whom nothing is known but the id. */
enum err mail_notice_user(struct ctx *x, struct str user_id,
    const char *template, cJSON *vars, struct str *out);

/* Wake the worker: after the commit that inserted a draft. */
void mail_sent(struct ctx *x);

#endif
