#include "worker/events/events_outbox.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/encoding.h"
#include "base/json/json.h"
#include "base/log.h"
#include "crypto/token.h"

#define IDS_MAX ((size_t)1 << 20)

bool
events_outbox_switch(struct db *db, struct arena *a, bool enabled)
{
	struct rows *r = NULL;
	enum err e = db_exec(db, a, Q_KAFKA_SWITCH, &r, A_BOOL(enabled));

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
	enum err e = db_exec(q->db, a, Q_KAFKA_LEASE, &r, A_STR(token),
	    A_STR(q->holder), A_INT(OUTBOX_LEASE));

	if (e != E_OK)
		return e;
	if (r->n == 0)
		return E_CONFLICT;
	*enabled = row_bool(r, 0, 0);
	return E_OK;
}

enum err
events_outbox_release(struct queue *q, struct arena *a, struct str token)
{
	return db_exec(q->db, a, Q_KAFKA_RELEASE, NULL, A_STR(token));
}

enum err
events_outbox_release_holder(struct queue *q, struct arena *a,
    struct str holder)
{
	return db_exec(q->db, a, Q_KAFKA_RELEASE_HOLDER, NULL,
	    A_STR(holder));
}

/* Columns of kafka_next. */
enum { ID, EVENT, USER, EMAIL, SUBJECT, METHOD, LINK, EXPIRES, CREATED,
	ATTEMPTS };

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
    const struct rows *r, size_t i, bool user_event)
{
	cJSON *o = json_object();

	json_add_str(o, "event_type", row_str(r, i, EVENT));
	json_add_str(o, "user_id", row_str(r, i, USER));
	if (user_event)
		json_add_str(o, "email", row_str(r, i, EMAIL));
	if (!row_null(r, i, SUBJECT))
		json_add_str(o, "subject", row_str(r, i, SUBJECT));
	if (!row_null(r, i, METHOD))
		json_add_str(o, "method", row_str(r, i, METHOD));
	if (!row_null(r, i, LINK) && c->kafka_secrets)
		add_token(a, q, o, row_str(r, i, LINK));
	if (!row_null(r, i, EXPIRES))
		json_add_str(o, "expires_at", row_str(r, i, EXPIRES));
	json_add_str(o, "timestamp", row_str(r, i, CREATED));
	return json_print(a, o);
}

enum err
events_outbox_next(struct queue *q, struct arena *a, const struct config *c,
    const char *topic, int limit, struct str token,
    struct outbox_event **out, size_t *n)
{
	bool user_event = str_eq(str_of(topic), STR("user-events"));
	struct rows *r = NULL;
	enum err e = db_exec(q->db, a, Q_KAFKA_NEXT, &r, A_TEXT(topic),
	    A_INT(limit), A_STR(token));

	*n = 0;
	if (e != E_OK)
		return e;
	json_use(a);
	*n = r->n;
	*out = arena_array(a, r->n + 1, sizeof(**out));
	for (size_t i = 0; i < r->n; i++)
		(*out)[i] = (struct outbox_event){
			.id = row_str(r, i, ID),
			.user_id = row_str(r, i, USER),
			.value = event_value(a, q, c, r, i, user_event),
			.attempts = (int)row_int(r, i, ATTEMPTS),
		};
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
	while ((e = db_exec(q->db, a, Q_KAFKA_PUBLISHED, NULL,
	    A_STR(buf_str(&ids)))) == E_UNAVAILABLE)
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

	while ((e = db_exec(q->db, a, Q_KAFKA_FAILED, NULL, A_STR(v->id),
	    A_INT(attempts), A_TEXT(v->why), A_BOOL(dead))) == E_UNAVAILABLE)
		if (!q->patience(q->arg))
			break;
	return e;
}
