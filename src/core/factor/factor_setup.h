#ifndef CORE_FACTOR_FACTOR_SETUP_H
#define CORE_FACTOR_FACTOR_SETUP_H

#include "core/factor/backup.h"
#include "core/factor/factor.h"

/*
 * Setting up a factor (rows TO1 to TO3, OT5): a setup waits ten minutes, bound
 * to its session, beside the enabled factors; a code that proves it enables it.
 * A second setup of another kind, or by another session, replaces it. session
 * is STR_NONE with an API key.
 */
struct factor_setup {
	struct str secret;  /* base32 */
	struct str uri;	    /* otpauth: */
	struct str picture; /* data URI; STR_NONE: built without */
	struct backup_set codes;
};

/*
 * A secret for an authenticator application, and its backup codes; while the
 * setup waits, a repeated call returns the same.
 */
enum err factor_setup_totp(struct ctx *x, const struct subject *s,
    struct str session, struct factor_setup *out);

/*
 * Codes to a telephone or an address, which gets one now. E_CONFLICT: not
 * offered here; E_FORBIDDEN for administrators (row OT6); E_LIMITED.
 */
enum err factor_setup_sent(struct ctx *x, const struct subject *s,
    struct str session, struct str kind, struct str destination);

/*
 * Prove the setup that waits: E_BAD_CODE, at most five times; E_CONFLICT when
 * none waits. *codes are the backup codes that are valid from now on: those of
 * the setup (row BC1); for SMS and mail new ones if there were none, else *any
 * is false.
 */
enum err factor_setup_enable(struct ctx *x, const struct subject *s,
    struct str session, struct str kind, struct str code,
    struct backup_set *codes, bool *any);

#endif
