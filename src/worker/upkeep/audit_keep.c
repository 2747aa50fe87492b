#include "worker/upkeep/audit_keep.h"

#include "base/buf.h"
#include "base/encoding.h"
#include "base/log.h"
#include "crypto/audit_chain.h"

#define BATCH 500
#define LIST_MAX ((size_t)BATCH * 128)

/* The hands in their order; the last one takes row and link. */
enum { LOGINS, ADDRESSES, ROWS, HANDS };
static const char *const names[] = { "logins", "addresses", "rows" };

/* Links of a batch that are old enough. */
struct batch {
	size_t n;
	int64_t at;   /* where the hand stands */
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
measure_rows(struct arena *a, const struct rows *r, struct batch *b)
{
	while (b->n < r->n && row_bool(r, b->n, 6))
		b->n++;
	if (b->n == 0)
		return;
	b->at = row_int(r, 0, 8);
	b->upto = row_int(r, b->n - 1, 0);
	b->mac = row_bytes(a, r, b->n - 1, 1);
}

/* Is the row what was sealed, or what an earlier hand left of it? */
static bool
row_holds(struct arena *a, const struct keyring *k, const struct rows *r,
    size_t i)
{
	struct str before = row_bytes(a, r, i, 2), text = row_str(r, i, 3);
	struct str mac = row_bytes(a, r, i, 1), mark = row_bytes(a, r, i, 4);
	uint64_t seq = (uint64_t)row_int(r, i, 0);

	return audit_chain_holds(k, AUDIT_CHAIN_LINK, before, seq, text, mac) ||
	    audit_chain_holds(k, AUDIT_CHAIN_MARK, mac, seq, text, mark);
}

static bool
batch_ended(enum err e, const struct rows *r)
{
	return e == E_OK && row_bool(r, 0, 0);
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
		uint8_t mark[AUDIT_CHAIN_MAC];

		if (!row_bool(r, i, 7) || !row_holds(a, k, r, i))
			continue;
		audit_chain_make(k, AUDIT_CHAIN_MARK, row_bytes(a, r, i, 1),
		    (uint64_t)row_int(r, i, 0), row_str(r, i, 5), mark);
		buf_fmt(&seqs, "%s%.*s", seqs.n ? "," : "",
		    STR_FMT(row_str(r, i, 0)));
		buf_fmt(&marks, "%s%.*s", marks.n ? "," : "",
		    STR_FMT(hex_encode(a, (struct str){
			(const char *)mark, AUDIT_CHAIN_MAC })));
	}
	e = db_exec(db, a, Q_AUDIT_MARK, &done, A_TEXT(names[hand]),
	    A_INT(b->at), A_INT(b->upto), A_STR(buf_str(&seqs)),
	    A_STR(buf_str(&marks)));
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
	e = db_exec(db, a, Q_AUDIT_CUT, &done, A_INT(b->at), A_INT(b->upto),
	    A_STR(hex_encode(a, (struct str){ (const char *)proof,
		AUDIT_CHAIN_MAC })));
	return batch_ended(e, done);
}

/* A batch of a hand. False when it has come to what is still kept. */
static bool
go(struct db *db, struct arena *a, const struct keyring *k,
    const struct config *c, int hand)
{
	struct batch b = { 0 };
	struct rows *r;

	if (db_exec(db, a, Q_AUDIT_OLD, &r, A_TEXT(names[hand]),
	    A_INT(kept_time(c, hand)), A_INT(BATCH)) != E_OK)
		return false;
	measure_rows(a, r, &b);
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
