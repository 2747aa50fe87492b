#ifndef CORE_SESSION_LOGIN_H
#define CORE_SESSION_LOGIN_H

#include "core/session/challenge.h"
#include "core/session/session.h"

#define LOGIN_DEVICE_LIFE (30 * 86400 * CLOCK_SECOND) /* row TD1 */

struct credentials {
	struct str identifier;	 /* e-mail address or user name */
	struct str password;
	struct str device_token; /* STR_NONE, or names a known device */
	bool remember_device;
	struct str device_name;	 /* STR_NONE: the user agent */
};

struct login {
	struct account account;
	struct tokens *tokens;	     /* NULL: there is a challenge */
	struct challenge *challenge; /* the factor is to come (row LG8) */
	struct str device_token; /* asked to remember, or the next one */
};

/*
 * The one authenticate() of all paths (row LG12). The attempt is charged before
 * the password is compared; an unknown name takes the same steps and the same
 * time (LG1). E_CREDENTIALS; E_LOCKED with the time to wait; after the right
 * password E_ACCOUNT_DISABLED, E_EMAIL_NOT_VERIFIED (LG4); E_BUSY.
 */
enum err login(struct ctx *x, const struct credentials *c,
    struct login *out);

/*
 * Compare the password of a user who is logged in, charged to the same budget
 * as a login from this network. Where strangers have used up the total, the
 * session has a budget of its own. E_WRONG_PASSWORD, E_LOCKED, E_BUSY. stored
 * is the hash it was compared with.
 */
enum err login_prove(struct ctx *x, const struct session *s,
    struct str password, struct str *stored);

#endif
