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
	const struct arg args[] = { A_INT(w->limit), A_STR(w->ids),
		A_STR(w->rooms), A_INT(w->room), A_INT(WEBHOOK_LEASE),
		A_STR(q->holder), A_STR(w->lease) };

	db_begin(q->db, a, SQL_AT(Q_WEBHOOK_CLAIM, args, sizeof(args) /
	    sizeof(args[0])));
}

int64_t
webhook_delivery_claimed(const struct rows *r)
{
	return row_int(r, 0, 0);
}

void
webhook_delivery_fetch(struct queue *q, struct arena *a, struct str lease)
{
	const struct arg args[] = { A_STR(lease) };

	db_begin(q->db, a, SQL_AT(Q_WEBHOOK_CLAIMED, args, 1));
}

struct delivery
webhook_delivery_row(const struct rows *r, size_t i)
{
	return (struct delivery){
		.id = row_str(r, i, 0),
		.event_id = row_str(r, i, 1),
		.event = row_str(r, i, 2),
		.body = row_str(r, i, 3),
		.number = (int)row_int(r, i, 4) + 1,
		.failures = (int)row_int(r, i, 5),
		.wanted = row_bool(r, i, 11),
	};
}

struct str
webhook_delivery_webhook(const struct rows *r, size_t i)
{
	return row_str(r, i, 6);
}

struct webhook_claim_batch
webhook_delivery_batch(struct arena *a, const struct rows *r, size_t i,
    struct str lease)
{
	return (struct webhook_claim_batch){
		.lease = lease,
		.webhook_id = webhook_delivery_webhook(r, i),
		.url = row_str(r, i, 7),
		.secret = row_bytes(a, r, i, 8),
		.previous = row_bytes(a, r, i, 9),
		.probing = row_bool(r, i, 10),
		.trial = row_bool(r, i, 12),
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
webhook_delivery_settle(struct queue *q, struct arena *a,
    const struct webhook_outcome *ends, size_t n)
{
	struct buf column[COLUMNS], try = buf_new(a, SETTLE_MAX);
	struct arg args[COLUMNS + 1];

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
	for (int c = 0; c < COLUMNS; c++) {
		buf_byte(&column[c], '}');
		args[c < URL ? c : c + 1] = A_STR(buf_str(&column[c]));
	}
	args[URL] = A_INT(GIVE_UP);
	db_begin(q->db, a, SQL_AT(Q_WEBHOOK_SETTLE, args, COLUMNS + 1));
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
		disable(q, a, row_str(r, i, 0),
		    "the endpoint failed for five days");
	webhook_delivery_unsettled(ends, n);
	for (size_t i = 0; i < n; i++)
		webhook_claim_batch_drop(ends[i].batch);
}

enum err
webhook_delivery_release(struct queue *q, struct arena *a, struct str holder,
    struct str lease)
{
	return db_exec(q->db, a, Q_WEBHOOK_RELEASE, NULL, A_STR(holder),
	    A_STR(lease));
}
