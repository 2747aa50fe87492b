#include "queue/delivery.h"

#include <sodium.h>

#include "config.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/encoding.h"
#include "base/json.h"
#include "base/log.h"
#include "core/webhook.h"
#include "crypto/hmac.h"
#include "crypto/seal.h"
#include "store/job_store.h"

#define GIVE_UP (5 * 86400 * CLOCK_SECOND) /* row WH10 */
#define SLOW_DOWN (10 * CLOCK_SECOND)	   /* after 429, 502, 504 */
#define HEADERS 11
#define SETTLE_MAX ((size_t)8 << 20) /* bytes that tell of 1,024 ends */

/* Row WH9: after the first failure 5 s, and so on; ± 20 %. */
static const int64_t delays[DELIVERY_TRIES - 1] = {
	5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400
};

static struct delivery
delivery_of(struct arena *a, const struct rows *r, size_t i, struct str lease)
{
	return (struct delivery){
		.id = row_str(r, i, 0),
		.lease = lease,
		.event_id = row_str(r, i, 1),
		.event = row_str(r, i, 2),
		.body = row_str(r, i, 3),
		.attempts = (int)row_int(r, i, 4),
		.failures = (int)row_int(r, i, 5),
		.webhook_id = row_str(r, i, 6),
		.url = row_str(r, i, 7),
		.secret = row_bytes(a, r, i, 8),
		.previous = row_null(r, i, 9) ? STR_NONE :
		    row_bytes(a, r, i, 9),
		.probing = row_bool(r, i, 10),
		.wanted = row_bool(r, i, 11),
	};
}

void
delivery_claim(struct queue *q, struct arena *a, const struct delivery_wish *w)
{
	const struct arg args[] = { A_INT(w->limit), A_STR(w->ids),
		A_STR(w->rooms), A_INT(DELIVERY_LEASE), A_STR(q->holder),
		A_STR(w->lease), A_INT(w->room) };

	db_begin(q->db, a, Q_WEBHOOK_CLAIM, args, sizeof(args) /
	    sizeof(args[0]));
}

struct delivery *
delivery_list(struct arena *a, const struct rows *r, struct str lease)
{
	struct delivery *list = arena_array(a, r->n + 1, sizeof(*list));

	for (size_t i = 0; i < r->n; i++)
		list[i] = delivery_of(a, r, i, lease);
	return list;
}

/* Standard Webhooks: the key is what "whsec_" is followed by, in base64. */
static struct str
standard(struct arena *a, struct str secret, struct str signed_text)
{
	struct str key = STR_NONE;

	if (!str_starts(secret, STR("whsec_")) ||
	    !b64_decode(a, str_slice(secret, 6, secret.n), &key))
		return STR_NONE;
	return b64_encode(a, hmac_sha256(a, key, signed_text));
}

/* Seed 001: hex HMAC of the body, keyed with the secret as it is shown. */
static const char *
plain(struct arena *a, const char *name, struct str secret, struct str body)
{
	return arena_fmt(a, "%s: %s", name,
	    hex_encode(a, hmac_sha256(a, secret, body)).p).p;
}

const char *const *
delivery_headers(struct arena *a, const struct keyring *k,
    const struct delivery *d, int64_t now)
{
	const char **h = arena_array(a, HEADERS + 1, sizeof(*h));
	struct str bound = webhook_bound(a, d->webhook_id), text, v1, secret;
	struct str old = STR_NONE, v1_old = STR_NONE;
	int n = 0;

	if (unseal(a, k, bound, d->secret, &secret) != E_OK)
		return NULL;
	if (d->previous.n && unseal(a, k, bound, d->previous, &old) != E_OK)
		old = STR_NONE;
	text = arena_fmt(a, "%.*s.%lld.%.*s", STR_FMT(d->event_id),
	    (long long)now, STR_FMT(d->body));
	v1 = standard(a, secret, text);
	if (old.n)
		v1_old = standard(a, old, text);
	h[n++] = "Content-Type: application/json";
	h[n++] = "Accept: */*";
	h[n++] = "Expect:";
	h[n++] = "User-Agent: Postern-Webhooks/" PACKAGE_VERSION;
	h[n++] = arena_fmt(a, "webhook-id: %.*s", STR_FMT(d->event_id)).p;
	h[n++] = arena_fmt(a, "webhook-timestamp: %lld", (long long)now).p;
	h[n++] = arena_fmt(a, "webhook-signature: v1,%.*s%s%.*s",
	    STR_FMT(v1), v1_old.n ? " v1," : "", STR_FMT(v1_old)).p;
	h[n++] = arena_fmt(a, "X-Webhook-Event: %.*s", STR_FMT(d->event)).p;
	h[n++] = plain(a, "X-Webhook-Signature", secret, d->body);
	if (old.n)
		h[n++] = plain(a, "X-Webhook-Signature-Previous", old,
		    d->body);
	return (const char *const *)h;
}

static int64_t
delay_after(int failures)
{
	int64_t t = delays[failures < DELIVERY_TRIES - 1 ? failures :
	    DELIVERY_TRIES - 2] * CLOCK_SECOND;

	return t - t / 5 + (int64_t)randombytes_uniform((uint32_t)
	    (t / CLOCK_MS * 2 / 5)) * CLOCK_MS;
}

static struct delivery_end
end_of(struct arena *a, const struct delivery *d)
{
	return (struct delivery_end){
		.id = arena_str(a, d->id), .lease = arena_str(a, d->lease),
		.webhook_id = arena_str(a, d->webhook_id),
		.number = d->attempts,
		.begun_at = clock_wall(), .ended_at = clock_wall(),
	};
}

void
delivery_refuse(struct arena *a, const struct delivery *d, const char *error,
    struct delivery_end *out)
{
	*out = end_of(a, d);
	out->state = "dead";
	out->what = DELIVERY_OURS;
	out->error = error;
}

void
delivery_cut(struct arena *a, const struct delivery *d,
    struct delivery_end *out)
{
	*out = end_of(a, d);
	out->state = "ready";
	out->what = DELIVERY_OURS;
	out->error = "the worker stopped before the answer";
}

void
delivery_back(struct arena *a, const struct delivery *d,
    struct delivery_end *out)
{
	*out = end_of(a, d);
	out->state = "ready";
	out->what = DELIVERY_BACK;
}

void
delivery_judge(struct arena *a, const struct delivery *d,
    const struct http_answer *answer, struct delivery_end *out)
{
	long status = answer->status;

	*out = end_of(a, d);
	out->status = status;
	out->error = answer->reason;
	out->begun_at -= answer->took;
	out->response = arena_str(a, str_of(answer->body));
	if (answer->reason == NULL) {
		out->state = "done";
		return;
	}
	out->what = DELIVERY_FAILED;
	out->gone = status == 410;
	out->state = out->gone || d->failures + 1 >= DELIVERY_TRIES ?
	    "dead" : "ready";
	out->delay = delay_after(d->failures);
	if (answer->retry_after > out->delay)
		out->delay = answer->retry_after;
	out->pause = answer->retry_after;
	if (out->pause == 0 &&
	    (status == 429 || status == 502 || status == 504))
		out->pause = SLOW_DOWN;
}

static void
member(struct buf *b, const char *key, struct str text)
{
	buf_fmt(b, "\"%s\":", key);
	if (text.p)
		json_write_str(b, text);
	else
		buf_add(b, STR("null"));
	buf_byte(b, ',');
}

/* By hand: it is made for every delivery, and cJSON asks a price. */
static void
write_end(struct buf *b, const struct delivery_end *e)
{
	struct str error = str_of(e->error);

	buf_byte(b, '{');
	member(b, "webhook", e->webhook_id);
	member(b, "id", e->id);
	member(b, "lease", e->lease);
	member(b, "state", str_of(e->state));
	member(b, "error", error);
	if (e->what == DELIVERY_FINE || e->what == DELIVERY_FAILED)
		buf_fmt(b, "\"failed\":%s,", e->what == DELIVERY_FINE ?
		    "false" : "true");
	if (e->status)
		buf_fmt(b, "\"status\":%ld,", e->status);
	if (e->what != DELIVERY_BACK) {
		buf_fmt(b, "\"try\":{\"n\":%d,\"status\":%ld,", e->number,
		    e->status);
		member(b, "error", error);
		if (e->response.n)
			member(b, "response", e->response);
		buf_fmt(b, "\"at\":%lld,\"end\":%lld},",
		    (long long)e->begun_at, (long long)e->ended_at);
	}
	buf_fmt(b, "\"delay\":%lld,\"pause\":%lld}", (long long)e->delay,
	    (long long)e->pause);
}

/* Tell the owner in the statement that gives the endpoint up. */
static void
disable(struct queue *q, struct arena *a, struct str id, const char *reason)
{
	cJSON *o, *vars;
	struct job_draft job;
	struct rows *r = NULL;

	json_use(a);
	o = json_object();
	vars = json_object();
	if (db_exec(q->db, a, Q_WEBHOOK_OWNER, &r, A_STR(id)) != E_OK ||
	    r->n == 0)
		return;
	json_add_str(vars, "url", row_str(r, 0, 2));
	json_add_str(vars, "reason", str_of(reason));
	json_add_str(o, "template", STR("webhook-disabled"));
	json_add_str(o, "to", row_str(r, 0, 0));
	json_add_str(o, "name", row_str(r, 0, 1));
	json_add(o, "vars", vars);
	job = job_draft(a, q->keys, "mail", 1, 0, json_print(a, o));
	if (db_exec(q->db, a, Q_WEBHOOK_DISABLE, &r, A_STR(id),
	    A_TEXT(reason), A_STR(job.id), A_BYTES(job.sealed)) == E_OK &&
	    r->n)
		log_warn("webhook disabled", log_s("webhook", id),
		    log_c("why", reason));
}

void
delivery_settle(struct queue *q, struct arena *a,
    const struct delivery_end *ends, size_t n)
{
	struct buf b = buf_new(a, SETTLE_MAX);
	struct arg args[2];

	buf_byte(&b, '[');
	for (size_t i = 0; i < n; i++) {
		if (i)
			buf_byte(&b, ',');
		write_end(&b, &ends[i]);
	}
	buf_byte(&b, ']');
	args[0] = A_STR(buf_str(&b));
	args[1] = A_INT(GIVE_UP);
	db_begin(q->db, a, Q_WEBHOOK_SETTLE, args, 2);
}

void
delivery_settled(struct queue *q, struct arena *a,
    const struct delivery_end *ends, size_t n, const struct rows *r)
{
	for (size_t i = 0; i < n; i++)
		if (ends[i].gone)
			disable(q, a, ends[i].webhook_id,
			    "the endpoint answered 410 Gone");
	for (size_t i = 0; i < r->n; i++)
		disable(q, a, row_str(r, i, 0),
		    "the endpoint failed for five days");
}

enum err
delivery_release(struct queue *q, struct arena *a, struct str holder,
    struct str lease)
{
	return db_exec(q->db, a, Q_WEBHOOK_RELEASE_HOLDER, NULL,
	    A_STR(holder), A_STR(lease));
}
