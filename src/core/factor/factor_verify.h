#ifndef CORE_FACTOR_FACTOR_VERIFY_H
#define CORE_FACTOR_FACTOR_VERIFY_H

#include "core/factor/factor.h"
#include "core/session/login.h"

/* What was typed. */
struct factor_try {
	struct str code;   /* six digits, or a backup code */
	bool backup_only;  /* the route takes nothing else */
	bool remember;	   /* give a device token */
	struct str device_name;
};

struct factor_proof {
	struct str method; /* totp, sms, email, backup */
	struct str device_token;
	int64_t backup_codes; /* left, with method backup; else -1 */
};

/*
 * All ways to try a factor end here. A try is charged before anything is
 * compared; one statement uses up the matching code together with its effect
 * (rows TO4, BC3, RL2, RL6). E_FACTOR_INVALID; E_VALIDATION for a text that
 * cannot be a code (row TO6, not charged); E_LOCKED at LIMIT_FAILURES;
 * E_CONFLICT when no factor is enabled; E_BUSY.
 */

/*
 * End a login by its challenge's id: *out has account, tokens and the device
 * token. E_CHALLENGE_INVALID.
 */
enum err factor_verify_login(struct ctx *x, struct str challenge,
    const struct factor_try *t, struct factor_proof *proof,
    struct login *out);

/*
 * For a subject; with session the session is stepped up: its proof is new and
 * its amr names the factor.
 */
enum err factor_verify(struct ctx *x, const struct subject *s,
    const struct session *session, const struct factor_try *t,
    struct factor_proof *proof);

#endif
