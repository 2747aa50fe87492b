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
	struct login_addressee_row row;
	struct rows *r;
	enum err e = db_run(x->db, x->arena, SQL(login_addressee,
	    .user_id = user_id), &r);

	*out = (struct addressee){ 0 };
	*failures = 0;
	if (e == E_OK && r->n) {
		row = login_addressee_row(r, 0);
		*out = (struct addressee){ row.name, row.addresses,
			row.is_proved };
		*failures = row.failures;
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
