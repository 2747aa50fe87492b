#include "core/account/erase.h"

#include "base/clock.h"
#include "base/clock_text.h"
#include "base/limits.h"
#include "core/access/actor.h"
#include "core/outgoing/mail.h"
#include "core/problem.h"

#define DAY (86400 * CLOCK_SECOND)

enum err
erase_request(struct ctx *x, const struct account *a, int64_t *at)
{
	cJSON *vars = mail_where(x);
	struct str mails;
	struct rows *r;
	enum err e;

	json_add_str(vars, "until", clock_iso(x->arena, clock_wall() +
	    x->config->erase_after));
	e = mail_notice_user(x, a->id, "erase", vars, &mails);
	if (e != E_OK)
		return e;
	session_stale(x, a->id);
	e = actor_run(x, SQL(erase_request, .user_id = a->id,
	    .cool_off = x->config->erase_after, .mails = mails, REQUESTER(x)),
	    &r);
	if (e == E_OK && r->n == 0)
		e = problem_say(x, E_CONFLICT, "The last super administrator "
		    "cannot be erased; please give the role to somebody else "
		    "first");
	if (e != E_OK)
		return e;
	*at = erase_request_row(r, 0).erase_at;
	mail_sent(x);
	return E_OK;
}

static const char *const sections[] = { "sessions", "devices", "api_keys",
	"webhooks", "recovery_methods", "factors", "subjects", "audit" };

#define SECTIONS (sizeof(sections) / sizeof(sections[0]))

enum err
erase_export(struct ctx *x, struct str user_id, cJSON **out)
{
	cJSON *o = json_object(), *arrays[SECTIONS], *one;
	struct rows *r;
	enum err e = db_run(x->db, x->arena, SQL(account_export,
	    .user_id = user_id), &r);

	for (size_t s = 0; s < SECTIONS; s++)
		arrays[s] = json_array();
	for (size_t i = 0; e == E_OK && i < r->n; i++) {
		struct account_export_row row = account_export_row(r, i);

		e = json_parse(x->arena, row.text, LIMIT_JSON_DEPTH,
		    &one, NULL);
		if (e != E_OK)
			return E_INTERNAL;
		if (str_eq(row.part, STR("profile")))
			json_add(o, "profile", one);
		for (size_t s = 0; s < SECTIONS; s++)
			if (str_eq(row.part, str_of(sections[s])))
				json_push(arrays[s], one);
	}
	for (size_t s = 0; s < SECTIONS; s++)
		json_add(o, sections[s], arrays[s]);
	*out = o;
	return e;
}
