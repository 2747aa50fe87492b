#include "core/account/password_history.h"

#include "core/problem.h"
#include "crypto/password/password.h"

enum err
password_history_check(struct ctx *x, const char *field, struct str user_id,
    struct str password)
{
	struct rows *r;
	enum err e;

	if (x->config->password_history == 0)
		return E_OK;
	e = db_run(x->db, x->arena, SQL(password_history, .user_id = user_id,
	    .history = x->config->password_history), &r);
	for (size_t i = 0; e == E_OK && i < r->n; i++) {
		e = password_verify(x->arena, password,
		    password_history_row(r, i).hash, NULL);
		if (e == E_OK)
			return problem_field(x, field, "The new password must "
			    "differ from the ones you had before");
		if (e == E_CREDENTIALS)
			e = E_OK;
	}
	return e;
}
