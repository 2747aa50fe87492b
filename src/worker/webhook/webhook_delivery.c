#include "worker/webhook/webhook_delivery.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/json/json.h"
#include "base/log.h"
#include "store/job_store.h"
#include "worker/webhook/webhook_claim_batch.h"

#define GIVE_UP (5 * 86400 * CLOCK_SECOND) /* row WH10 */
#define SETTLE_MAX ((size_t)8 << 20) /* bytes that tell of 1,024 ends */

void
webhook_delivery_claim(struct queue *q, struct arena *a,
    const struct webhook_claim_request *w)
{
	db_begin(q->db, a, SQL(webhook_claim, .limit = w->limit,
	    .ids = w->ids, .rooms = w->rooms, .room = w->room,
	    .lease = WEBHOOK_LEASE, .holder = q->holder, .token = w->lease));
}

int64_t
webhook_delivery_claimed(const struct rows *r)
{
	return webhook_claim_row(r, 0).claimed;
}

void
webhook_delivery_fetch(struct queue *q, struct arena *a, struct str lease)
{
	db_begin(q->db, a, SQL(webhook_claimed, .token = lease));
}

struct delivery
webhook_delivery_of(const struct webhook_claimed_row *row)
{
	return (struct delivery){
		.id = row->id, .event_id = row->event_id, .event = row->event,
		.body = row->body, .number = (int)row->attempts + 1,
		.failures = (int)row->failures, .wanted = row->wanted,
	};
}

struct webhook_claim_batch
webhook_delivery_batch(const struct webhook_claimed_row *row,
    struct str lease)
{
	return (struct webhook_claim_batch){
		.lease = lease, .webhook_id = row->webhook_id,
		.url = row->url, .secret = row->secret,
		.previous = row->previous_secret, .probing = row->is_probing,
		.trial = row->is_trial,
	};
}

static void
add_text(struct buf *b, struct str key, struct str text)
{
	if (text.p == NULL)
		return;
	buf_add(b, key);
	json_write_str(b, text);
}

static void
add_number(struct buf *b, struct str key, int64_t n)
{
	buf_add(b, key);
	buf_int(b, n);
}

static void
write_try(struct buf *b, const struct webhook_outcome *e)
{
	add_number(b, STR("{\"n\":"), e->number);
	add_number(b, STR(",\"at\":"), e->begun_at);
	add_number(b, STR(",\"end\":"), e->ended_at);
	add_number(b, STR(",\"status\":"), e->status);
	add_text(b, STR(",\"error\":"), str_of(e->error));
	if (e->response.n)
		add_text(b, STR(",\"response\":"), e->response);
	buf_byte(b, '}');
}

/* Columns of the ends, an array each: parsed ten times as fast as JSON. */
enum { WEBHOOK, ID, NUMBER, STATE, FAILED, DELAY, PAUSE, STATUS, ERROR, TRY,
	TOKEN, TOKEN_WEBHOOK, URL, ECHOED, COLUMNS };

/* Write an element of an array literal (PostgreSQL 15, 8.15.6). */
static void
quote(struct buf *b, struct str s)
{
	size_t plain = 0;

	if (s.p == NULL) {
		buf_add(b, STR("NULL"));
		return;
	}
	buf_byte(b, '"');
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] == '"' || s.p[i] == '\\') {
			buf_add(b, str_slice(s, plain, i));
			buf_byte(b, '\\');
			plain = i;
		}
	buf_add(b, str_slice(s, plain, s.n));
	buf_byte(b, '"');
}

static struct str
failed_text(const struct webhook_outcome *e)
{
	return e->what == WEBHOOK_OUTCOME_FAILED ? STR("t") :
	    e->what == WEBHOOK_OUTCOME_FINE ? STR("f") : STR_NONE;
}

/* Begin the next element of the column. */
static struct buf *
next_element(struct buf *column)
{
	if (column->n > 1)
		buf_byte(column, ',');
	return column;
}

static void
write_end(struct buf column[COLUMNS], struct buf *try,
    const struct webhook_outcome *e)
{
	try->n = 0;
	write_try(try, e);
	quote(next_element(&column[WEBHOOK]), e->batch->webhook_id);
	quote(next_element(&column[ID]), e->id);
	buf_int(next_element(&column[NUMBER]), e->number);
	quote(next_element(&column[STATE]), str_of(e->state));
	quote(next_element(&column[FAILED]), failed_text(e));
	buf_int(next_element(&column[DELAY]), e->delay);
	buf_int(next_element(&column[PAUSE]), e->pause);
	buf_int(next_element(&column[STATUS]), e->status);
	quote(next_element(&column[ERROR]), str_of(e->error));
	quote(next_element(&column[TRY]), buf_str(try));
	quote(next_element(&column[URL]),
	    e->batch->trial ? e->batch->url : STR_NONE);
	quote(next_element(&column[ECHOED]), e->echoed ? STR("t") : STR("f"));
}

/* If b's last end is in this statement, name b's row, which is over. */
static void
write_over(struct buf column[COLUMNS], struct webhook_claim_batch *b)
{
	if (b->telling < b->left || b->kept)
		return;
	quote(next_element(&column[TOKEN]), b->lease);
	quote(next_element(&column[TOKEN_WEBHOOK]), b->webhook_id);
	b->telling = 0; /* name the row only once */
}

/* Tell the owner in the statement that gives the endpoint up. */
static void
disable(struct queue *q, struct arena *a, struct str id, const char *reason)
{
	struct webhook_owner_row row;
	cJSON *o, *vars;
	struct job_draft job;
	struct rows *r = NULL;

	json_use(a);
	o = json_object();
	vars = json_object();
	if (db_run(q->db, a, SQL(webhook_owner, .webhook_id = id), &r) !=
	    E_OK || r->n == 0)
		return;
	row = webhook_owner_row(r, 0);
	json_add_str(vars, "url", row.url);
	json_add_str(vars, "reason", str_of(reason));
	json_add_str(o, "template", STR("webhook-disabled"));
	json_add_str(o, "to", row.email);
	json_add_str(o, "name", row.greeting);
	json_add(o, "vars", vars);
	job = job_draft(a, q->keys, "mail", 1, 0, json_print(a, o));
	if (db_run(q->db, a, SQL(webhook_disable, .webhook_id = id,
	    .reason = str_of(reason), .job_id = job.id,
	    .job_payload = job.sealed), &r) == E_OK && r->n)
		log_warn("webhook disabled", log_s("webhook", id),
		    log_c("why", reason));
}

static void
begin_settle(struct queue *q, struct arena *a, struct buf c[COLUMNS])
{
	db_begin(q->db, a, SQL(webhook_settle,
	    .webhooks = buf_str(&c[WEBHOOK]), .ids = buf_str(&c[ID]),
	    .numbers = buf_str(&c[NUMBER]), .states = buf_str(&c[STATE]),
	    .failed = buf_str(&c[FAILED]), .delays = buf_str(&c[DELAY]),
	    .pauses = buf_str(&c[PAUSE]), .statuses = buf_str(&c[STATUS]),
	    .errors = buf_str(&c[ERROR]), .tries = buf_str(&c[TRY]),
	    .urls = buf_str(&c[URL]), .echoed = buf_str(&c[ECHOED]),
	    .tokens = buf_str(&c[TOKEN]),
	    .token_webhooks = buf_str(&c[TOKEN_WEBHOOK]),
	    .patience = GIVE_UP));
}

void
webhook_delivery_settle(struct queue *q, struct arena *a,
    const struct webhook_outcome *ends, size_t n)
{
	struct buf column[COLUMNS], try = buf_new(a, SETTLE_MAX);

	for (int c = 0; c < COLUMNS; c++) {
		column[c] = buf_new(a, SETTLE_MAX);
		buf_byte(&column[c], '{');
	}
	for (size_t i = 0; i < n; i++) {
		ends[i].batch->telling++;
		if (ends[i].what != WEBHOOK_OUTCOME_BACK)
			write_end(column, &try, &ends[i]);
	}
	for (size_t i = 0; i < n; i++)
		write_over(column, ends[i].batch);
	for (int c = 0; c < COLUMNS; c++)
		buf_byte(&column[c], '}');
	begin_settle(q, a, column);
}

void
webhook_delivery_unsettled(const struct webhook_outcome *ends, size_t n)
{
	for (size_t i = 0; i < n; i++)
		ends[i].batch->telling = 0;
}

void
webhook_delivery_settled(struct queue *q, struct arena *a,
    const struct webhook_outcome *ends, size_t n, const struct rows *r)
{
	for (size_t i = 0; i < n; i++)
		if (ends[i].gone)
			disable(q, a, ends[i].batch->webhook_id,
			    "the endpoint answered 410 Gone");
	for (size_t i = 0; i < r->n; i++)
		disable(q, a, webhook_settle_row(r, i).id,
		    "the endpoint failed for five days");
	webhook_delivery_unsettled(ends, n);
	for (size_t i = 0; i < n; i++)
		webhook_claim_batch_drop(ends[i].batch);
}

enum err
webhook_delivery_release(struct queue *q, struct arena *a, struct str holder,
    struct str lease)
{
	return db_run(q->db, a, SQL(webhook_release, .holder = holder,
	    .token = lease), NULL);
}
