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

	if (fault) {
		x->field = "url";
		x->sentence = fault;
		return E_VALIDATION;
	}
	for (size_t i = 0; i < w->nevents; i++) {
		if (!known_event(w->events[i])) {
			x->field = "events";
			x->sentence = "holds an event that does not exist";
			return E_VALIDATION;
		}
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
	struct str url, events, sealed;
	struct rows *r;
	enum err e = check_wish(x, w, &url, &events);

	if (e != E_OK)
		return e;
	*secret = secret_new(x);
	*out = (struct webhook){ .id = idempotency_id(x, 0),
		.url = url, .events = events, .is_active = true };
	sealed = seal(x->arena, x->keys, webhook_bound(x->arena, out->id),
	    *secret);
	e = actor_exec(x, Q_WEBHOOK_CREATE, &r, A_STR(out->id),
	    A_STR(user_id), A_STR(url), A_STR(events), A_BYTES(sealed),
	    A_INT(WEBHOOKS_MAX), A_STR(x->client), A_STR(x->user_agent),
	    A_STR(x->request_id), A_BOOL(w->own_only));
	if (e == E_OK && r->n == 0) {
		x->field = "url";
		x->sentence = arena_fmt(x->arena, "You already have %d "
		    "webhooks, the most an account can have; please delete "
		    "one first", WEBHOOKS_MAX).p;
		e = E_VALIDATION;
	}
	if (e != E_OK)
		return e;
	out->created_at = out->updated_at = row_int(r, 0, 0);
	out->everyone = row_bool(r, 0, 1);
	return E_OK;
}

enum err
webhook_list(struct ctx *x, struct str user_id, struct str id, bool own_only,
    long limit, long offset, struct webhook **out, size_t *n, int64_t *total)
{
	struct rows *r;
	enum err e = db_exec(x->db, x->arena, Q_WEBHOOK_LIST, &r,
	    A_STR(user_id), A_STR(id), A_INT(limit), A_INT(offset),
	    A_BOOL(own_only));

	if (e != E_OK)
		return e;
	if (id.p && r->n == 0)
		return E_NOT_FOUND;
	*n = r->n;
	*total = r->n ? row_int(r, 0, 11) : 0;
	*out = arena_array(x->arena, r->n + 1, sizeof(**out));
	for (size_t i = 0; i < r->n; i++)
		(*out)[i] = (struct webhook){
			.id = row_str(r, i, 0), .url = row_str(r, i, 1),
			.events = row_str(r, i, 2),
			.is_active = row_bool(r, i, 3),
			.disabled_reason = row_str(r, i, 4),
			.everyone = row_bool(r, i, 5),
			.failures = row_int(r, i, 6),
			.failing_since = row_int(r, i, 7),
			.previous_until = row_int(r, i, 8),
			.created_at = row_int(r, i, 9),
			.updated_at = row_int(r, i, 10),
			.answered_at = row_int(r, i, 12),
			.confirmed_at = row_int(r, i, 13),
			.full = row_bool(r, i, 14),
			.waiting = row_int(r, i, 15),
			.dropped = row_int(r, i, 16),
			.dropped_at = row_int(r, i, 17),
		};
	return E_OK;
}

static enum err
webhook_of_one_row(enum err e, const struct rows *r)
{
	return e == E_OK && r->n == 0 ? E_NOT_FOUND : e;
}

/* The same, of what is not done where too many wait already. */
static enum err
one_with_room(struct ctx *x, enum err e, const struct rows *r)
{
	e = webhook_of_one_row(e, r);
	if (e != E_OK || !row_null(r, 0, 0))
		return e;
	x->sentence = "Too many deliveries are waiting for this webhook; "
	    "please try again when it has received them";
	return E_CONFLICT;
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
	e = actor_exec(x, Q_WEBHOOK_UPDATE, &r, A_STR(user_id),
	    A_STR(id), A_STR(url), A_STR(events),
	    w->given_active ? A_BOOL(w->is_active) : A_NULL,
	    A_STR(x->client), A_STR(x->user_agent), A_STR(x->request_id),
	    A_BOOL(w->own_only));
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
	enum err e = db_exec(x->db, x->arena, Q_WEBHOOK_DELETE, &r,
	    A_STR(user_id), A_STR(id), A_STR(x->client),
	    A_STR(x->user_agent), A_STR(x->request_id));

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
	e = actor_exec(x, Q_WEBHOOK_ROTATE, &r, A_STR(user_id),
	    A_STR(w[0].id), A_BYTES(seal(x->arena, x->keys,
		webhook_bound(x->arena, w[0].id), *secret)), A_INT(overlap),
	    A_STR(x->client), A_STR(x->user_agent), A_STR(x->request_id));
	e = webhook_of_one_row(e, r);
	if (e == E_OK)
		*until = row_int(r, 0, 0);
	return e;
}

enum err
webhook_test(struct ctx *x, struct str user_id, struct str id,
    struct webhook_delivery *out)
{
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
	e = db_exec(x->db, x->arena, Q_WEBHOOK_TEST, &r, A_STR(user_id),
	    A_STR(id), A_STR(out->id), A_STR(out->event_id));
	e = one_with_room(x, e, r);
	if (e != E_OK)
		return e;
	out->body = row_str(r, 0, 0);
	out->created_at = out->next_at = row_int(r, 0, 1);
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
	struct webhook *w;
	struct rows *r;
	enum err e = webhook_list(x, user_id, id, false, 1, 0, &w, n, total);

	if (e == E_OK)
		e = db_exec(x->db, x->arena, Q_WEBHOOK_DELIVERIES, &r,
		    A_STR(user_id), A_STR(id), A_STR(delivery_id),
		    A_INT(limit), A_INT(offset));
	if (e != E_OK)
		return e;
	if (delivery_id.p && r->n == 0)
		return E_NOT_FOUND;
	*n = r->n;
	*total = r->n ? row_int(r, 0, 11) : 0;
	*out = arena_array(x->arena, r->n + 1, sizeof(**out));
	for (size_t i = 0; i < r->n; i++)
		(*out)[i] = (struct webhook_delivery){
			.id = row_str(r, i, 0), .event_id = row_str(r, i, 1),
			.event = row_str(r, i, 2), .state = row_str(r, i, 3),
			.body = row_str(r, i, 4),
			.attempts = row_int(r, i, 5),
			.status = row_int(r, i, 6),
			.error = row_str(r, i, 7),
			.next_at = row_int(r, i, 8),
			.created_at = row_int(r, i, 9),
			.finished_at = row_int(r, i, 10),
		};
	for (size_t i = 0; i < r->n; i++)
		add_tries(x, &(*out)[i], row_str(r, i, 12),
		    row_int(r, i, 13));
	return E_OK;
}

enum err
webhook_redeliver(struct ctx *x, struct str user_id, struct str id,
    struct str delivery_id)
{
	struct rows *r = NULL;
	enum err e = db_exec(x->db, x->arena, Q_WEBHOOK_REDELIVER, &r,
	    A_STR(user_id), A_STR(id), A_STR(delivery_id));

	return one_with_room(x, e, r);
}
