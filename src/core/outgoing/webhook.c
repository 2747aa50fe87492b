#include "core/outgoing/webhook.h"

#include <sodium.h>

#include "base/clock.h"
#include "base/encoding.h"
#include "base/json/json.h"
#include "base/log.h"
#include "core/access/actor.h"
#include "core/idempotency.h"
#include "core/limit.h"
#include "core/outgoing/webhook_url.h"
#include "core/problem.h"
#include "crypto/seal.h"

#define WEBHOOKS_MAX 20 /* of one user */
#define SECRET_BYTES 32 /* row WH7: 24 to 64 */
#define TESTS_A_MINUTE 10
#define TRIES_SHOWN 10 /* tries_add keeps as many */

const char *const webhook_events[] = {
	"2fa.enabled", "2fa.disabled", "2fa.verified", "2fa.failed",
	"user.login", "user.logout", "user.created", "user.updated",
	"user.deleted", "password.changed", "session.revoked",
	"apikey.created", "*", NULL
};

struct str
webhook_bound(struct arena *a, struct str id)
{
	return arena_fmt(a, "webhooks/secret/%.*s", STR_FMT(id));
}

static struct str
secret_new(struct ctx *x)
{
	unsigned char bytes[SECRET_BYTES];
	struct str text;

	randombytes_buf(bytes, sizeof(bytes));
	text = b64_encode(x->arena, (struct str){ (const char *)bytes,
	    sizeof(bytes) });
	sodium_memzero(bytes, sizeof(bytes));
	return arena_fmt(x->arena, "whsec_%.*s", STR_FMT(text));
}

static bool
known_event(struct str name)
{
	for (size_t i = 0; webhook_events[i]; i++)
		if (str_eq(name, str_of(webhook_events[i])))
			return true;
	return false;
}

/*
 * As they are kept: *url, and *events as one text, each once; STR_NONE when
 * none is given.
 */
static enum err
check_wish(struct ctx *x, const struct webhook_wish *w, struct str *url,
    struct str *events)
{
	struct webhook_url u = { .text = STR_NONE };
	struct str all = STR_NONE;
	const char *fault = w->url.p ? webhook_url_fault(x->arena, x->config,
	    w->url, &u) : NULL;

	if (fault)
		return problem_field(x, "url", fault);
	for (size_t i = 0; i < w->nevents; i++) {
		if (!known_event(w->events[i]))
			return problem_field(x, "events",
			    "contains an event that does not exist");
		all = arena_fmt(x->arena, "%.*s%s%.*s", STR_FMT(all),
		    i ? "," : "", STR_FMT(w->events[i]));
	}
	*url = u.text;
	*events = all;
	return E_OK;
}

enum err
webhook_create(struct ctx *x, struct str user_id,
    const struct webhook_wish *w, struct webhook *out, struct str *secret)
{
	bool active = w->is_active || !w->given_active;
	struct webhook_create_row row;
	struct str url, events, sealed;
	struct rows *r;
	enum err e = check_wish(x, w, &url, &events);

	if (e != E_OK)
		return e;
	*secret = secret_new(x);
	*out = (struct webhook){ .id = idempotency_id(x, 0),
		.url = url, .events = events, .is_active = active };
	sealed = seal(x->arena, x->keys, webhook_bound(x->arena, out->id),
	    *secret);
	e = actor_run(x, SQL(webhook_create, .id = out->id, .user_id = user_id,
	    .url = url, .events = events, .is_active = active,
	    .secret = sealed, .webhooks_max = WEBHOOKS_MAX,
	    .own_only = w->own_only, REQUESTER(x)), &r);
	if (e == E_OK && r->n == 0)
		e = problem_field(x, "url", arena_fmt(x->arena, "You already "
		    "have %d webhooks, the most an account can have; please "
		    "delete one first", WEBHOOKS_MAX).p);
	if (e != E_OK)
		return e;
	row = webhook_create_row(r, 0);
	out->created_at = out->updated_at = row.created_at;
	out->everyone = row.everyone;
	return E_OK;
}

enum err
webhook_list(struct ctx *x, struct str user_id, struct str id, bool own_only,
    long limit, long offset, struct webhook **out, size_t *n, int64_t *total)
{
	struct webhook_list_row first;
	struct rows *r;
	enum err e = db_run(x->db, x->arena, SQL(webhook_list,
	    .user_id = user_id, .id = id, .limit = limit, .offset = offset,
	    .own_only = own_only), &r);

	if (e != E_OK)
		return e;
	first = webhook_list_row(r, 0);
	*n = first.id.p ? r->n : 0;
	*total = first.total;
	if (id.p && *n == 0)
		return E_NOT_FOUND;
	*out = arena_array(x->arena, r->n, sizeof(**out));
	for (size_t i = 0; i < *n; i++) {
		struct webhook_list_row row = webhook_list_row(r, i);

		(*out)[i] = (struct webhook){
			.id = row.id, .url = row.url,
			.events = row.events,
			.is_active = row.is_active,
			.disabled_reason = row.disabled_reason,
			.everyone = row.everyone,
			.failures = row.failures,
			.failing_since = row.failing_since,
			.previous_until = row.previous_until,
			.created_at = row.created_at,
			.updated_at = row.updated_at,
			.answered_at = row.answered_at,
			.confirmed_at = row.confirmed_at,
			.full = row.is_full,
			.waiting = row.waiting,
			.dropped = row.dropped,
			.dropped_at = row.last_dropped,
		};
	}
	return E_OK;
}

static enum err
webhook_of_one_row(enum err e, const struct rows *r)
{
	return e == E_OK && r->n == 0 ? E_NOT_FOUND : e;
}

/*
 * The same for a request that is refused where too many deliveries wait
 * already.
 */
static enum err
one_with_room(struct ctx *x, bool waits)
{
	return waits ? E_OK : problem_say(x, E_CONFLICT, "Too many deliveries "
	    "are waiting for this webhook; please try again when it has "
	    "received them");
}

enum err
webhook_update(struct ctx *x, struct str user_id, struct str id,
    const struct webhook_wish *w, struct webhook *out)
{
	struct webhook *found;
	struct str url, events;
	int64_t total;
	struct rows *r = NULL;
	size_t n;
	enum err e = check_wish(x, w, &url, &events);

	if (e != E_OK)
		return e;
	e = actor_run(x, SQL(webhook_update, .user_id = user_id, .id = id,
	    .url = url, .events = events,
	    .is_active = w->given_active ? &w->is_active : NULL,
	    .own_only = w->own_only, REQUESTER(x)), &r);
	e = webhook_of_one_row(e, r);
	if (e == E_OK)
		e = webhook_list(x, user_id, id, false, 1, 0, &found, &n, &total);
	if (e == E_OK)
		*out = found[0];
	return e;
}

enum err
webhook_delete(struct ctx *x, struct str user_id, struct str id)
{
	struct rows *r = NULL;
	enum err e = db_run(x->db, x->arena, SQL(webhook_delete,
	    .user_id = user_id, .id = id, REQUESTER(x)), &r);

	return webhook_of_one_row(e, r);
}

enum err
webhook_rotate(struct ctx *x, struct str user_id, struct str id,
    int64_t overlap, struct str *secret, int64_t *until)
{
	struct webhook *w;
	struct rows *r = NULL;
	int64_t total;
	size_t n;
	/* The secret is bound to the id as it is stored, not as it is asked. */
	enum err e = webhook_list(x, user_id, id, false, 1, 0, &w, &n, &total);

	if (e != E_OK)
		return e;
	*secret = secret_new(x);
	e = actor_run(x, SQL(webhook_rotate, .user_id = user_id, .id = w[0].id,
	    .secret = seal(x->arena, x->keys,
		webhook_bound(x->arena, w[0].id), *secret),
	    .overlap = overlap, REQUESTER(x)), &r);
	e = webhook_of_one_row(e, r);
	if (e == E_OK)
		*until = webhook_rotate_row(r, 0).previous_until;
	return e;
}

enum err
webhook_test(struct ctx *x, struct str user_id, struct str id,
    struct webhook_delivery *out)
{
	struct webhook_test_row row;
	struct limit l = { .name = "webhook_test", .whose = user_id,
		.max = TESTS_A_MINUTE, .window = 60 * CLOCK_SECOND,
		.durable = true };
	struct rows *r = NULL;
	enum err e = limit_take(x, &l);

	if (e != E_OK)
		return e;
	*out = (struct webhook_delivery){
		.id = uuid_text(x->arena, uuid_v7()),
		.event_id = uuid_text(x->arena, uuid_v7()),
		.event = STR("webhook.test"), .state = STR("ready"),
	};
	e = db_run(x->db, x->arena, SQL(webhook_test, .user_id = user_id,
	    .id = id, .delivery_id = out->id, .event_id = out->event_id), &r);
	e = webhook_of_one_row(e, r);
	if (e != E_OK)
		return e;
	row = webhook_test_row(r, 0);
	e = one_with_room(x, row.body.p != NULL);
	if (e != E_OK)
		return e;
	out->body = row.body;
	out->created_at = out->next_at = row.created_at;
	return E_OK;
}

static int64_t
number_of(const cJSON *o, const char *key)
{
	const cJSON *v = json_get(o, key);

	return cJSON_IsNumber(v) ? (int64_t)v->valuedouble : 0;
}

/*
 * The tries that ended, from the JSON that webhook_settle gathered, and the
 * one that is under way since, if it is.
 */
static void
add_tries(struct ctx *x, struct webhook_delivery *d, struct str text,
    int64_t since)
{
	cJSON *list = NULL;
	const cJSON *v;

	d->tries = arena_array(x->arena, TRIES_SHOWN + 1, sizeof(*d->tries));
	if (json_parse(x->arena, text, 2, &list, NULL) != E_OK)
		log_error("a history that cannot be read",
		    log_s("delivery", d->id));
	cJSON_ArrayForEach(v, list)
		if (d->ntries < TRIES_SHOWN)
			d->tries[d->ntries++] = (struct webhook_try){
				.number = number_of(v, "n"),
				.started_at = number_of(v, "at"),
				.finished_at = number_of(v, "end"),
				.status = number_of(v, "status"),
				.error = json_text(json_get(v, "error")),
				.response = json_text(json_get(v,
				    "response")),
			};
	if (since)
		d->tries[d->ntries++] = (struct webhook_try){
			.number = d->attempts, .started_at = since };
}

enum err
webhook_deliveries(struct ctx *x, struct str user_id, struct str id,
    struct str delivery_id, long limit, long offset,
    struct webhook_delivery **out, size_t *n, int64_t *total)
{
	struct webhook_deliveries_row first;
	struct webhook *w;
	struct rows *r;
	enum err e = webhook_list(x, user_id, id, false, 1, 0, &w, n, total);

	if (e == E_OK)
		e = db_run(x->db, x->arena, SQL(webhook_deliveries,
		    .user_id = user_id, .webhook_id = id,
		    .delivery_id = delivery_id, .limit = limit,
		    .offset = offset), &r);
	if (e != E_OK)
		return e;
	if (r->n == 0)
		return E_NOT_FOUND; /* deleted in the meantime */
	first = webhook_deliveries_row(r, 0);
	*n = first.id.p ? r->n : 0;
	*total = first.total;
	if (delivery_id.p && *n == 0)
		return E_NOT_FOUND;
	*out = arena_array(x->arena, r->n, sizeof(**out));
	for (size_t i = 0; i < *n; i++) {
		struct webhook_deliveries_row row =
		    webhook_deliveries_row(r, i);

		(*out)[i] = (struct webhook_delivery){
			.id = row.id, .event_id = row.event_id,
			.event = row.event, .state = row.state,
			.body = row.body, .attempts = row.attempts,
			.status = row.status, .error = row.error,
			.next_at = row.next_try_at,
			.created_at = row.created_at,
			.finished_at = row.finished_at,
		};
		add_tries(x, &(*out)[i], row.tries, row.started_at);
	}
	return E_OK;
}

enum err
webhook_redeliver(struct ctx *x, struct str user_id, struct str id,
    struct str delivery_id)
{
	struct rows *r = NULL;
	enum err e = db_run(x->db, x->arena, SQL(webhook_redeliver,
	    .user_id = user_id, .webhook_id = id, .delivery_id = delivery_id),
	    &r);

	e = webhook_of_one_row(e, r);
	return e != E_OK ? e : one_with_room(x,
	    webhook_redeliver_row(r, 0).id.p != NULL);
}
