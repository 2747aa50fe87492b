#ifndef CORE_SESSION_CHALLENGE_H
#define CORE_SESSION_CHALLENGE_H

#include "core/account/account.h"

/*
 * A login whose first proof was right and whose second factor is still missing
 * (rows LG8, LG13, TO10): five minutes, five tries, one use, void as soon as
 * the password changes. Every first proof (a password, a provider) of a user
 * who has a factor ends here; there is no session before the factor.
 */
#define CHALLENGE_LIFE (300 * CLOCK_SECOND)

struct challenge {
	struct str token;
	struct str methods; /* totp,sms,email,backup: those he has */
	bool code_sent;	    /* the first code is on its way */
	int64_t again_in;   /* seconds until another one is sent */
};

/* What was proved. */
struct challenge_proof {
	const char *amr;	  /* "pwd", "fed" */
	struct str verified_hash; /* of "pwd": the hash compared with */
	struct str new_hash;	  /* today's hash of it, or STR_NONE */
	struct str bucket;	  /* attempts to forget with the login */
	struct str total;
	bool remember;		  /* remember the device afterwards */
	struct str device_name;
};

/*
 * Begin one. Where codes are sent and there is no application, the first one
 * is on its way. E_CREDENTIALS when the password changed meanwhile.
 */
enum err challenge_new(struct ctx *x, const struct account *a,
    const struct challenge_proof *p, struct challenge *out);

/* Is this text the token of a challenge? Not whether it lives. */
bool challenge_open(struct ctx *x, struct str token, struct str *id);

/* The user of a live challenge. E_CHALLENGE_INVALID. */
struct subject;
enum err challenge_subject(struct ctx *x, struct str id,
    struct subject *out);

#endif
