/* GET, POST /auth/recovery/methods · POST …/{id}/verify · DELETE …/{id} */
#include "core/recovery/recovery_method.h"
#include "core/problem.h"
#include "handlers/shared/handlers.h"
#include "http/field.h"

enum { TYPE, VALUE };

static const struct field fields[] = {
	[TYPE] = { .name = "type", .type = FIELD_CHOICE, .required = true,
		.choices = "email phone", .doc = "email or phone" },
	[VALUE] = { .name = "value", .aliases = "email phone",
		.type = FIELD_NAME, .min = 3, .max = 254, .required = true,
		.doc = "An address, or a number such as +49 30 123456" },
	{ 0 },
};

enum { CODE };

static const struct field code_fields[] = {
	[CODE] = { .name = "code", .aliases = "otp token", .type = FIELD_DIGITS,
		.min = 6, .max = 6, .required = true,
		.doc = "The code that was sent there" },
	{ 0 },
};

static cJSON *
method_record(const void *row)
{
	const struct recovery_method *m = row;
	cJSON *o = json_object();

	json_add_str(o, "id", m->id);
	json_add_str(o, "type", m->type);
	json_add_str(o, "value", m->value);
	json_add_bool(o, "verified", m->verified_at != 0);
	json_add_bool(o, "is_verified", m->verified_at != 0);
	json_add_time(o, "verified_at", m->verified_at);
	json_add_time(o, "created_at", m->created_at);
	return o;
}

static enum err
list_methods(struct call *c)
{
	struct recovery_method *m = NULL;
	struct listing l;
	enum err e = recovery_method_list(c->ctx,
	    c->actor.session->account.id, &m, &l.n);

	return answer_rows(c, e, "Recovery methods retrieved successfully",
	    &l, m, sizeof *m, method_record);
}

/* The value, checked as what its type says. */
static enum err
method_value(struct call *c, struct str *out)
{
	const struct field row = { .name = "value", .type = FIELD_EMAIL };
	struct value v = { 0 };
	const char *why = NULL;

	*out = given(c, VALUE);
	if (!str_eq(given(c, TYPE), STR("email")))
		return E_OK;
	why = field_read(c->ctx->arena, &row, json_str(*out), &v);
	*out = v.text;
	return why ? problem_field(c->ctx, "value", why) : E_OK;
}

static enum err
add_method(struct call *c)
{
	struct recovery_method m;
	struct str value;
	enum err e = method_value(c, &value);

	if (e == E_OK)
		e = recovery_method_add(c->ctx, &c->actor.session->account,
		    given(c, TYPE), value, &m);
	return e != E_OK ? e : answer(c, 201, "Please enter the code we sent "
	    "there", method_record(&m));
}

static enum err
verify_method(struct call *c)
{
	struct recovery_method m;
	enum err e = recovery_method_verify(c->ctx,
	    &c->actor.session->account, c->arg[0], given(c, CODE), &m);

	return e != E_OK ? e : answer(c, 200, "Recovery method verified",
	    method_record(&m));
}

static enum err
remove_method(struct call *c)
{
	enum err e = recovery_method_remove(c->ctx,
	    &c->actor.session->account, c->arg[0]);

	return e != E_OK ? e : answer(c, 200, "Recovery method removed",
	    NULL);
}

const struct handler auth_recovery_methods_list = { NULL, list_methods };
const struct handler auth_recovery_methods_add = { fields, add_method };
const struct handler auth_recovery_methods_verify = { code_fields,
    verify_method };
const struct handler auth_recovery_methods_remove = { NULL, remove_method };
