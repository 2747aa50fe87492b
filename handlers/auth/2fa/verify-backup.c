/* POST /auth/2fa/verify-backup, /mfa/verify-backup: only to log in (BC4) */
#include "handlers/auth/2fa/verify.h"

static enum err
run_verify_backup(struct call *c)
{
	const struct factor_try t = verify_try(c, true);
	struct party p;
	enum err e = verify_party(c, &p);

	if (e != E_OK)
		return e;
	return p.challenge.n ? verify_end_login(c, &p, &t) :
	    E_CHALLENGE_INVALID;
}

const struct handler auth_2fa_verify_backup = { verify_fields,
    run_verify_backup };
