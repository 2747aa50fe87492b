#include "worker/events/events_outbox.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/encoding.h"
#include "base/json/json.h"
#include "base/log.h"
#include "core/outgoing/media_url.h"
#include "crypto/token.h"

#define IDS_MAX ((size_t)1 << 20)

bool
events_outbox_switch(struct db *db, struct arena *a, bool enabled)
{
	struct rows *r = NULL;
	enum err e = db_run(db, a, SQL(kafka_switch, .enabled = enabled), &r);

	if (e == E_OK && r->n)
		log_info(enabled ? "events for Kafka are written from here on" :
		    "events for Kafka are no longer written");
	return e != E_UNAVAILABLE;
}

enum err
events_outbox_lease(struct queue *q, struct arena *a, struct str token,
    bool *enabled)
{
	struct rows *r = NULL;
	enum err e = db_run(q->db, a, SQL(kafka_lease, .token = token,
	    .holder = q->holder, .lease = OUTBOX_LEASE), &r);

	if (e != E_OK)
		return e;
	if (r->n == 0)
		return E_CONFLICT;
	*enabled = kafka_lease_row(r, 0).enabled;
	return E_OK;
}

enum err
events_outbox_release(struct queue *q, struct arena *a, struct str token)
{
	return db_run(q->db, a, SQL(kafka_release, .token = token), NULL);
}

enum err
events_outbox_release_holder(struct queue *q, struct arena *a,
    struct str holder)
{
	return db_run(q->db, a, SQL(kafka_release_holder, .holder = holder),
	    NULL);
}

/* The token of a reset link is derived from it, as its mail's was (row PR2). */
static void
add_token(struct arena *a, const struct queue *q, cJSON *o, struct str link)
{
	struct uuid id;

	if (uuid_parse(link, &id))
		json_add_str(o, "token", token_make(a, q->keys, TOKEN_RESET,
		    id, 0));
}

static struct str
event_value(struct arena *a, const struct queue *q, const struct config *c,
    const struct kafka_next_row *row, bool user_event)
{
	cJSON *o = json_object();

	json_add_str(o, "event_type", row->event);
	json_add_str(o, "user_id", row->user_id);
	if (user_event)
		json_add_str(o, "email", row->email);
	if (row->subject.p)
		json_add_str(o, "subject", row->subject);
	if (row->method.p)
		json_add_str(o, "method", row->method);
	if (row->object.p) {
		json_add_str(o, "key", row->object);
		json_add_str(o, "url", media_url_public(a, c, row->object));
	}
	if (row->link_id.p && c->kafka_secrets)
		add_token(a, q, o, row->link_id);
	if (row->expires_at.p)
		json_add_str(o, "expires_at", row->expires_at);
	json_add_str(o, "timestamp", row->created_at);
	return json_print(a, o);
}

enum err
events_outbox_next(struct queue *q, struct arena *a, const struct config *c,
    const char *topic, int limit, struct str token,
    struct outbox_event **out, size_t *n)
{
	bool user_event = str_eq(str_of(topic), STR("user-events"));
	struct rows *r = NULL;
	enum err e = db_run(q->db, a, SQL(kafka_next, .topic = str_of(topic),
	    .limit = limit, .token = token), &r);

	*n = 0;
	if (e != E_OK)
		return e;
	json_use(a);
	*n = r->n;
	*out = arena_array(a, r->n + 1, sizeof(**out));
	for (size_t i = 0; i < r->n; i++) {
		struct kafka_next_row row = kafka_next_row(r, i);

		(*out)[i] = (struct outbox_event){
			.id = row.id, .user_id = row.user_id,
			.value = event_value(a, q, c, &row, user_event),
			.attempts = (int)row.attempts,
		};
	}
	return E_OK;
}

enum err
events_outbox_published(struct queue *q, struct arena *a,
    const struct outbox_event *events, size_t n)
{
	struct buf ids = buf_new(a, IDS_MAX);
	enum err e;

	for (size_t i = 0; i < n; i++)
		if (events[i].state == OUTBOX_ENDED &&
		    events[i].end == KAFKA_DONE)
			buf_fmt(&ids, "%s%.*s", ids.n ? "," : "",
			    STR_FMT(events[i].id));
	if (ids.n == 0)
		return E_OK;
	while ((e = db_run(q->db, a, SQL(kafka_published,
	    .ids = buf_str(&ids)), NULL)) == E_UNAVAILABLE)
		if (!q->patience(q->arg))
			break;
	return e;
}

enum err
events_outbox_failed(struct queue *q, struct arena *a,
    const struct outbox_event *v,
    int attempts, bool dead)
{
	enum err e;

	while ((e = db_run(q->db, a, SQL(kafka_failed, .id = v->id,
	    .attempts = attempts, .error = str_of(v->why), .dead = dead),
	    NULL)) == E_UNAVAILABLE)
		if (!q->patience(q->arg))
			break;
	return e;
}
