#include "handlers/shared/prove.h"

#include "core/factor/factor_verify.h"
#include "core/session/login.h"

enum err
prove_now(struct call *c, int password, int code)
{
	const struct session *s = c->actor.session;
	const struct subject subject = subject_of_account(&s->account);
	const struct factor_try t = { .code = given(c, code) };
	struct factor_proof proof;
	struct str stored;
	enum err e = E_OK;

	if (c->in[password].given)
		e = login_prove(c->ctx, s, given(c, password), &stored);
	if (e == E_OK && c->in[code].given)
		e = factor_verify(c->ctx, &subject, s, &t, &proof);
	if (e != E_OK || c->in[code].given ||
	    (c->in[password].given && !s->account.two_factor_enabled))
		return e;
	return factor_recent(s) ? E_OK : E_REAUTH_REQUIRED;
}
