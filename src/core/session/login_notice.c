#include "core/session/login_notice.h"

bool
login_notice_guessed(const struct ctx *x, int64_t failures)
{
	return failures >= x->config->lock_attempts;
}

enum err
login_notice_addressee(struct ctx *x, struct str user_id, struct addressee *out,
    int64_t *failures)
{
	struct rows *r;
	enum err e = db_exec(x->db, x->arena, Q_LOGIN_ADDRESSEE, &r,
	    A_STR(user_id));

	*out = (struct addressee){ 0 };
	*failures = 0;
	if (e == E_OK && r->n) {
		*out = (struct addressee){ row_str(r, 0, 0),
			row_str(r, 0, 1), row_bool(r, 0, 3) };
		*failures = row_int(r, 0, 2);
	}
	return e;
}

struct str
login_notice(struct ctx *x, const struct addressee *to, int64_t failures)
{
	cJSON *vars = mail_where(x);

	if (failures)
		json_add_int(vars, "failures", failures);
	json_add_str(vars, "user_agent", x->user_agent);
	return mail_notice(x, to, "new-login", vars);
}
