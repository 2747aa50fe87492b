#include "worker/upkeep/audit_keep.h"

#include "base/buf.h"
#include "base/encoding.h"
#include "base/log.h"
#include "crypto/audit_chain.h"

#define BATCH 500
#define LIST_MAX ((size_t)BATCH * 128)

/* The steps in their order; the last one deletes row and link. */
enum { LOGINS, ADDRESSES, ROWS, HANDS };
static const char *const names[] = { "logins", "addresses", "rows" };

/* Links of a batch that are old enough. */
struct batch {
	size_t n;
	int64_t at;   /* how far the step came */
	int64_t upto; /* the last of them */
	struct str mac; /* of that one */
};

static int64_t
kept_time(const struct config *c, int hand)
{
	return hand == LOGINS ? c->audit_keep_logins :
	    hand == ADDRESSES ? c->audit_keep_addresses : c->audit_keep;
}

static void
measure_rows(const struct rows *r, struct batch *b)
{
	struct audit_old_row row;

	while (b->n < r->n && audit_old_row(r, b->n).is_old)
		b->n++;
	if (b->n == 0)
		return;
	b->at = audit_old_row(r, 0).at;
	row = audit_old_row(r, b->n - 1);
	b->upto = row.seq;
	b->mac = row.mac;
}

/* Is the row as it was sealed, or as an earlier step left it? */
static bool
row_holds(const struct keyring *k, const struct audit_old_row *row)
{
	uint64_t seq = (uint64_t)row->seq;

	return audit_chain_holds(k, AUDIT_CHAIN_LINK, row->previous_mac, seq,
	    row->text, row->mac) || audit_chain_holds(k, AUDIT_CHAIN_MARK,
	    row->mac, seq, row->text, row->mark);
}

static bool
batch_ended(enum err e, const struct rows *r)
{
	return e == E_OK && audit_moved_row(r, 0).moved;
}

static bool
take_from_rows(struct db *db, struct arena *a, const struct keyring *k,
    int hand,
    const struct rows *r, const struct batch *b)
{
	struct buf seqs = buf_new(a, LIST_MAX), marks = buf_new(a, LIST_MAX);
	struct rows *done = NULL;
	enum err e;

	for (size_t i = 0; i < b->n; i++) {
		struct audit_old_row row = audit_old_row(r, i);
		uint8_t mark[AUDIT_CHAIN_MAC];

		if (!row.is_taken || !row_holds(k, &row))
			continue;
		audit_chain_make(k, AUDIT_CHAIN_MARK, row.mac,
		    (uint64_t)row.seq, row.shortened, mark);
		buf_fmt(&seqs, "%s%lld", seqs.n ? "," : "",
		    (long long)row.seq);
		buf_fmt(&marks, "%s%.*s", marks.n ? "," : "",
		    STR_FMT(hex_encode(a, (struct str){
			(const char *)mark, AUDIT_CHAIN_MAC })));
	}
	e = db_run(db, a, SQL(audit_mark, .hand = str_of(names[hand]),
	    .at = b->at, .to = b->upto, .seqs = buf_str(&seqs),
	    .marks = buf_str(&marks)), &done);
	return batch_ended(e, done);
}

static bool
cut(struct db *db, struct arena *a, const struct keyring *k,
    const struct batch *b)
{
	struct rows *done = NULL;
	uint8_t proof[AUDIT_CHAIN_MAC];
	enum err e;

	audit_chain_make(k, AUDIT_CHAIN_BASE, b->mac, (uint64_t)b->upto,
	    STR(""), proof);
	e = db_run(db, a, SQL(audit_cut, .last = b->at, .gone = b->upto,
	    .proof = hex_encode(a, (struct str){
		(const char *)proof, AUDIT_CHAIN_MAC })), &done);
	return batch_ended(e, done);
}

/* One batch of a step. False when the next rows are still to be kept. */
static bool
go(struct db *db, struct arena *a, const struct keyring *k,
    const struct config *c, int hand)
{
	struct batch b = { 0 };
	struct rows *r;

	if (db_run(db, a, SQL(audit_old, .hand = str_of(names[hand]),
	    .kept = kept_time(c, hand), .limit = BATCH), &r) != E_OK)
		return false;
	measure_rows(r, &b);
	if (b.n == 0)
		return false;
	log_debug("audit log kept for its time", log_c("hand", names[hand]),
	    log_i("links", (int64_t)b.n));
	return (hand == ROWS ? cut(db, a, k, &b) :
	    take_from_rows(db, a, k, hand, r, &b)) && b.n == BATCH;
}

bool
audit_keep_step(struct audit_keep *s, struct db *db, struct arena *a,
    const struct keyring *k, const struct config *c)
{
	if (!s->running)
		return false;
	s->hand += !go(db, a, k, c, s->hand);
	s->running = s->hand < HANDS;
	if (!s->running)
		s->hand = LOGINS;
	return s->running;
}
