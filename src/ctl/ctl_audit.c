#include <stdio.h>

#include "base/encoding.h"
#include "crypto/audit_chain.h"
#include "ctl/ctl.h"

#define BATCH 500

static struct {
	const char *checkpoint;
} audit;

static const struct ctl_option options[] = {
	{ "checkpoint", CTL_TEXT, &audit.checkpoint,
	    "SEQ:MAC of an \"audit checkpoint\" line: is it still there?" },
	{ 0 },
};

/* How far the chain was followed. */
struct walk {
	int64_t seq;
	struct str mac;
	int64_t want_seq; /* of the checkpoint; 0 none */
	struct str want_mac;
	bool met;
	int64_t base;      /* the last link that retention deleted */
	int64_t removed;   /* rows behind it that retention deleted */
	int64_t shortened; /* rows whose address was shortened */
};

/* Is the row as retention left it? */
static bool
link_marked(struct ctl *c, struct walk *w, const struct audit_verify_row *row)
{
	if (!audit_chain_holds(c->keys, AUDIT_CHAIN_MARK, row->mac,
	    (uint64_t)row->seq, row->text, row->mark))
		return false;
	*(row->text.p ? &w->shortened : &w->removed) += 1;
	return true;
}

/* What is wrong with the next link, or NULL. */
static const char *
judge_link(struct ctl *c, struct walk *w, const struct audit_verify_row *row)
{
	struct str mac = row->mac;

	if (row->seq != w->seq + 1)
		return "links are missing before it";
	/* A chain may not return to an older key: more people may know it. */
	if (w->mac.n && mac.n && (uint8_t)mac.p[0] < (uint8_t)w->mac.p[0])
		return "it was made with an older key";
	if (link_marked(c, w, row))
		return NULL;
	if (row->text.p == NULL)
		return "its row was deleted";
	return audit_chain_holds(c->keys, AUDIT_CHAIN_LINK, w->mac,
	    (uint64_t)row->seq, row->text, mac) ? NULL :
	    "it was changed or moved";
}

static int
said(struct ctl *c, int64_t seq, int64_t id, const char *why)
{
	cJSON *o = json_object();

	json_add_bool(o, "intact", false);
	json_add_int(o, "seq", seq);
	json_add_int(o, "audit_id", id);
	json_add_str(o, "why", str_of(why));
	(void)ctl_print(c, o);
	return CTL_FAILED;
}

/* A batch of links; CTL_OK with *n how many there were. */
static int
follow(struct ctl *c, struct walk *w, size_t *n)
{
	struct rows *r;
	enum err e = db_run(c->db, c->arena, SQL(audit_verify, .seq = w->seq,
	    .limit = BATCH), &r);

	if (e != E_OK)
		return ctl_fail_db(c, e);
	*n = r->n;
	for (size_t i = 0; i < r->n; i++) {
		struct audit_verify_row row = audit_verify_row(r, i);
		const char *why = judge_link(c, w, &row);

		if (why)
			return said(c, row.seq, row.audit_id, why);
		w->seq = row.seq;
		w->mac = row.mac;
		if (w->seq == w->want_seq)
			w->met = str_eq(w->mac, w->want_mac);
	}
	return CTL_OK;
}

static bool
read_checkpoint(struct ctl *c, struct walk *w)
{
	struct str text = str_of(audit.checkpoint), seq;
	long long n;

	if (text.n == 0)
		return true;
	if (!str_split(&text, ':', &seq) ||
	    !str_to_int(seq, 1, INT64_MAX, &n) ||
	    !hex_decode(c->arena, text, &w->want_mac))
		return false;
	w->want_seq = n;
	return true;
}

/* Begin behind what retention deleted; the chain must prove that deletion. */
static int
begin_walk(struct ctl *c, struct walk *w)
{
	struct audit_base_row row;
	struct rows *r;
	enum err e = db_run(c->db, c->arena, SQL(audit_base), &r);

	if (e != E_OK)
		return ctl_fail_db(c, e);
	if (r->n == 0)
		return CTL_OK;
	row = audit_base_row(r, 0);
	if (row.base == 0)
		return CTL_OK;
	w->seq = w->base = row.base;
	w->mac = row.base_mac;
	if (w->seq == w->want_seq)
		w->met = str_eq(w->mac, w->want_mac);
	if (audit_chain_holds(c->keys, AUDIT_CHAIN_BASE, w->mac,
	    (uint64_t)w->seq,
	    STR(""), row.base_proof))
		return CTL_OK;
	return said(c, w->seq, 0, "what is gone before it is not proved to be "
	    "gone by age");
}

/* Rows beside the chain, and the answer. */
static int
conclude(struct ctl *c, const struct walk *w)
{
	struct audit_strays_row row;
	cJSON *o = json_object();
	struct rows *r;
	enum err e = db_run(c->db, c->arena, SQL(audit_strays), &r);
	bool intact, gone = w->want_seq && w->want_seq < w->base;

	if (e != E_OK)
		return ctl_fail_db(c, e);
	row = audit_strays_row(r, 0);
	intact = row.unsealed == 0 && row.lost == 0 &&
	    (w->want_seq == 0 || w->met || gone);
	json_add_bool(o, "intact", intact);
	json_add_int(o, "links", w->seq);
	json_add_str(o, "mac", hex_encode(c->arena, w->mac));
	json_add_int(o, "rows_never_sealed", row.unsealed);
	json_add_int(o, "rows_lost_before_sealing", row.lost);
	json_add_int(o, "rows_waiting_too_long", row.waiting);
	json_add_int(o, "links_removed_by_age", w->base);
	json_add_int(o, "rows_removed_by_age", w->removed);
	json_add_int(o, "addresses_shortened_by_age", w->shortened);
	if (gone)
		json_add_bool(o, "checkpoint_removed_by_age", true);
	else if (w->want_seq)
		json_add_bool(o, "checkpoint_found", w->met);
	(void)ctl_print(c, o);
	return intact ? CTL_OK : CTL_FAILED;
}

static int
run_verify(struct ctl *c)
{
	struct walk w = { .mac = STR("") };
	char kept[AUDIT_CHAIN_MAC];
	size_t n = 0;
	int status;

	if (!read_checkpoint(c, &w))
		return ctl_fail(E_VALIDATION,
		    "--checkpoint wants SEQ:MAC as the log has it");
	status = begin_walk(c, &w);
	if (status != CTL_OK)
		return status;
	/* The arena of a command only grows: one of its own for each batch. */
	do {
		struct arena *outer = c->arena;

		c->arena = arena_new((size_t)16 << 20);
		status = follow(c, &w, &n);
		if (w.mac.n == AUDIT_CHAIN_MAC) {
			memcpy(kept, w.mac.p, AUDIT_CHAIN_MAC);
			w.mac = (struct str){ kept, AUDIT_CHAIN_MAC };
		}
		arena_free(&c->arena);
		c->arena = outer;
	} while (status == CTL_OK && n == BATCH);
	return status == CTL_OK ? conclude(c, &w) : status;
}

const struct ctl_command ctl_audit[] = {
	{ "audit verify", "", 0, 0, CTL_NEEDS_DB, options, run_verify,
	    "follow the chain of the audit log; says what was tampered with" },
	{ 0 },
};
