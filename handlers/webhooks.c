/* /webhooks, /webhooks/{id}, …/test, …/rotate-secret, …/deliveries,
 * …/deliveries/{id}/redeliver */
#include "base/clock.h"
#include "core/access/api_key.h"
#include "core/outgoing/webhook.h"
#include "handlers/shared/handlers.h"

#define OVERLAP (24 * 3600 * CLOCK_SECOND) /* row WH7 */

enum { URL, EVENTS, IS_ACTIVE };

static const struct field create_fields[] = {
	[URL] = { .name = "url", .type = FIELD_URL, .required = true,
		.doc = "URL that receives the events: https, a public host" },
	[EVENTS] = { .name = "events", .type = FIELD_TEXTS, .min = 1, .max = 20,
		.required = true,
		.doc = "2fa.enabled 2fa.disabled 2fa.verified 2fa.failed "
		    "user.login user.logout user.created user.updated "
		    "user.deleted password.changed session.revoked "
		    "apikey.created, or *" },
	[IS_ACTIVE] = { .name = "is_active", .aliases = "active",
		.type = FIELD_BOOL, .doc = "true when not given" },
	{ 0 },
};

static const struct field update_fields[] = {
	[URL] = { .name = "url", .type = FIELD_URL,
		.doc = "URL that receives the events" },
	[EVENTS] = { .name = "events", .type = FIELD_TEXTS, .min = 1, .max = 20,
		.doc = "Which events" },
	[IS_ACTIVE] = { .name = "is_active", .aliases = "active",
		.type = FIELD_BOOL, .doc = "Whether events are delivered" },
	{ 0 },
};

/* The owner of the webhooks: the user who asks, or the owner of the key. */
static struct str
webhook_owner(const struct call *c)
{
	return c->actor.session ? c->actor.session->account.id :
	    c->actor.key->user_id;
}

static struct str
verification(const struct webhook *w)
{
	return w->confirmed_at ? STR("confirmed") :
	    w->answered_at ? STR("answered") : STR("none");
}

/* A key does not see webhooks that hear of everybody; a session does. */
static bool
acts_by_key(const struct call *c)
{
	return c->actor.session == NULL;
}

static enum err
find_webhook(struct call *c, struct webhook *out)
{
	struct webhook *w;
	int64_t total;
	size_t n;
	enum err e = webhook_list(c->ctx, webhook_owner(c), c->arg[0],
	    acts_by_key(c), 1, 0, &w, &n, &total);

	if (e == E_OK)
		*out = w[0];
	return e;
}

/* May a key touch the webhook of the path? For a session the owner decides. */
static enum err
reach(struct call *c)
{
	struct webhook w;

	return acts_by_key(c) ? find_webhook(c, &w) : E_OK;
}

static cJSON *
webhook_record(const void *row)
{
	const struct webhook *w = row;
	cJSON *o = json_object();

	json_add_str(o, "id", w->id);
	json_add_str(o, "url", w->url);
	json_add(o, "events", answer_list(w->events));
	json_add_bool(o, "is_active", w->is_active);
	json_add_str(o, "scope", w->everyone ? STR("all") : STR("own"));
	json_add_str(o, "disabled_reason", w->disabled_reason);
	json_add_int(o, "failures", w->failures);
	json_add_time(o, "failing_since", w->failing_since);
	json_add_str(o, "verification", verification(w));
	json_add_int(o, "pending", w->waiting);
	json_add_bool(o, "full", w->full);
	json_add_int(o, "dropped", w->dropped);
	json_add_time(o, "last_dropped_at", w->dropped_at);
	json_add_time(o, "created_at", w->created_at);
	json_add_time(o, "updated_at", w->updated_at);
	return o;
}

static cJSON *
tried(const struct webhook_try *t)
{
	cJSON *o = json_object();

	json_add_int(o, "attempt", t->number);
	json_add_time(o, "started_at", t->started_at);
	json_add_time(o, "finished_at", t->finished_at);
	json_add(o, "status_code", t->status ? json_int(t->status) : NULL);
	json_add_str(o, "error", t->error);
	json_add_str(o, "response_body", t->response);
	return o;
}

static cJSON *
delivery(const void *row)
{
	const struct webhook_delivery *d = row;
	struct str status = str_eq(d->state, STR("done")) ? STR("delivered") :
	    str_eq(d->state, STR("dead")) ? STR("failed") : STR("pending");
	cJSON *o = json_object(), *tries = json_array();

	json_add_str(o, "id", d->id);
	json_add_str(o, "event_id", d->event_id);
	json_add_str(o, "event", d->event);
	json_add_str(o, "status", status);
	json_add_str(o, "payload", d->body);
	json_add_int(o, "attempts", d->attempts);
	json_add(o, "status_code", d->status ? json_int(d->status) : NULL);
	json_add_str(o, "error", d->error);
	json_add_time(o, "next_attempt_at", d->next_at);
	json_add_time(o, "created_at", d->created_at);
	json_add_time(o, "finished_at", d->finished_at);
	for (size_t i = 0; i < d->ntries; i++)
		json_push(tries, tried(&d->tries[i]));
	json_add(o, "tries", tries);
	return o;
}

static struct webhook_wish
wish(const struct call *c)
{
	const struct value *in = c->in;

	return (struct webhook_wish){ .url = given(c, URL),
		.events = in[EVENTS].texts, .nevents = in[EVENTS].ntexts,
		.given_active = in[IS_ACTIVE].given,
		.is_active = in[IS_ACTIVE].number != 0,
		.own_only = acts_by_key(c) };
}

static enum err
create_webhook(struct call *c)
{
	const struct webhook_wish w = wish(c);
	struct webhook made;
	struct str secret;
	cJSON *data;
	enum err e = webhook_create(c->ctx, webhook_owner(c), &w, &made,
	    &secret);

	if (e != E_OK)
		return e;
	data = webhook_record(&made);
	json_add_str(data, "secret", secret);
	return answer(c, 201, "Webhook created. Keep the secret now: it is "
	    "not shown again", data);
}

static enum err
list_webhooks(struct call *c)
{
	struct webhook *w = NULL;
	struct listing l;
	enum err e = answer_page(c, &l.limit, &l.offset);

	if (e == E_OK)
		e = webhook_list(c->ctx, webhook_owner(c), STR_NONE,
		    acts_by_key(c), l.limit, l.offset, &w, &l.n, &l.total);
	return answer_rows(c, e, "Webhooks retrieved successfully", &l, w,
	    sizeof *w, webhook_record);
}

static enum err
get_webhook(struct call *c)
{
	struct webhook w;
	enum err e = find_webhook(c, &w);

	return e != E_OK ? e : answer(c, 200,
	    "Webhook retrieved successfully", webhook_record(&w));
}

static enum err
update_webhook(struct call *c)
{
	const struct webhook_wish w = wish(c);
	struct webhook now;
	enum err e = reach(c);

	if (e == E_OK)
		e = webhook_update(c->ctx, webhook_owner(c), c->arg[0], &w,
		    &now);
	return e != E_OK ? e : answer(c, 200, "Webhook updated",
	    webhook_record(&now));
}

static enum err
remove_webhook(struct call *c)
{
	enum err e = reach(c);

	if (e == E_OK)
		e = webhook_delete(c->ctx, webhook_owner(c), c->arg[0]);
	return e != E_OK ? e : answer(c, 200, "Webhook deleted", NULL);
}

static enum err
rotate_webhook(struct call *c)
{
	struct str secret;
	cJSON *data = json_object();
	int64_t until;
	enum err e = reach(c);

	if (e == E_OK)
		e = webhook_rotate(c->ctx, webhook_owner(c), c->arg[0], OVERLAP,
		    &secret, &until);
	if (e != E_OK)
		return e;
	json_add_str(data, "id", c->arg[0]);
	json_add_str(data, "secret", secret);
	json_add_time(data, "previous_valid_until", until);
	return answer(c, 200, "Webhook secret rotated. Both secrets sign "
	    "until the old one ends", data);
}

static enum err
test(struct call *c)
{
	struct webhook_delivery d;
	enum err e = reach(c);

	if (e == E_OK)
		e = webhook_test(c->ctx, webhook_owner(c), c->arg[0], &d);
	return e != E_OK ? e : answer(c, 200, "Test event queued; see the "
	    "deliveries for its result", delivery(&d));
}

static enum err
deliveries(struct call *c)
{
	struct webhook_delivery *d = NULL;
	struct listing l;
	enum err e = answer_page(c, &l.limit, &l.offset);

	if (e == E_OK)
		e = reach(c);
	if (e == E_OK)
		e = webhook_deliveries(c->ctx, webhook_owner(c), c->arg[0],
		    STR_NONE, l.limit, l.offset, &d, &l.n, &l.total);
	return answer_rows(c, e, "Deliveries retrieved successfully", &l, d,
	    sizeof *d, delivery);
}

static enum err
redeliver(struct call *c)
{
	struct webhook_delivery *d;
	int64_t total;
	size_t n;
	enum err e = reach(c);

	if (e == E_OK)
		e = webhook_redeliver(c->ctx, webhook_owner(c), c->arg[0],
		    c->arg[1]);
	if (e == E_OK)
		e = webhook_deliveries(c->ctx, webhook_owner(c), c->arg[0],
		    c->arg[1], 1, 0, &d, &n, &total);
	return e != E_OK ? e : answer(c, 200, "The event will be sent again",
	    delivery(&d[0]));
}

const struct handler webhooks_create = { create_fields, create_webhook };
const struct handler webhooks_list = { NULL, list_webhooks };
const struct handler webhooks_get = { NULL, get_webhook };
const struct handler webhooks_update = { update_fields, update_webhook };
const struct handler webhooks_delete = { NULL, remove_webhook };
const struct handler webhooks_rotate = { NULL, rotate_webhook };
const struct handler webhooks_test = { NULL, test };
const struct handler webhooks_deliveries = { NULL, deliveries };
const struct handler webhooks_redeliver = { NULL, redeliver };
