#include "handlers/shared/admin.h"

cJSON *
admin_answer_user(const void *row)
{
	const struct admin_user *u = row;
	cJSON *o = answer_user(&u->account);

	json_add_bool(o, "must_reset_password", u->must_reset_password);
	return o;
}

struct str
admin_actor(const struct call *c)
{
	return c->actor.session->account.id;
}

struct str
admin_query(const struct call *c, const char *name, const char *alias)
{
	struct str text = str_trim(request_query(c->rq, name));

	if (text.n == 0 && alias)
		text = str_trim(request_query(c->rq, alias));
	return text.n ? text : STR_NONE;
}

enum err
admin_query_bool(struct call *c, const char *name, const char *alias,
    int *out)
{
	struct str text = admin_query(c, name, alias);

	*out = -1;
	if (text.n == 0)
		return E_OK;
	if (str_eq(text, STR("true")) || str_eq(text, STR("1")))
		*out = 1;
	else if (str_eq(text, STR("false")) || str_eq(text, STR("0")))
		*out = 0;
	return *out >= 0 ? E_OK : answer_bad_query(c, name, "true or false");
}
