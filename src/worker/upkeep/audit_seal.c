#include "worker/upkeep/audit_seal.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/encoding.h"
#include "base/log.h"
#include "crypto/audit_chain.h"

#define BATCH 200
#define LIST_MAX ((size_t)BATCH * 128)
#define LOOK_EVERY CLOCK_SECOND
#define MONTH_EVERY (6 * 3600 * CLOCK_SECOND)
#define TELL_EVERY (3600 * CLOCK_SECOND)

static void
log_sealed(struct audit_seal *s, struct arena *a, int64_t seq, struct str mac)
{
	int64_t now = clock_mono();

	if (s->told_at && now - s->told_at < TELL_EVERY)
		return;
	s->told_at = now;
	log_info("audit checkpoint", log_i("seq", seq),
	    log_s("mac", hex_encode(a, mac)));
}

/* Make the partitions of the next months long before they are needed. */
static void
look_ahead(struct audit_seal *s, struct db *db, struct arena *a, int64_t now)
{
	if (now < s->month_at)
		return;
	s->month_at = now + MONTH_EVERY;
	(void)db_run(db, a, SQL(audit_partitions), NULL);
}

bool
audit_seal_step(struct audit_seal *s, struct db *db, struct arena *a,
    const struct keyring *k)
{
	struct buf ids = buf_new(a, LIST_MAX), macs = buf_new(a, LIST_MAX);
	int64_t now = clock_mono(), first;
	struct audit_unsealed_row row;
	struct rows *r;
	struct str before;

	if (now < s->look_at)
		return false;
	s->look_at = now + LOOK_EVERY;
	look_ahead(s, db, a, now);
	if (db_run(db, a, SQL(audit_unsealed, .limit = BATCH), &r) != E_OK ||
	    r->n == 0)
		return false;
	row = audit_unsealed_row(r, 0);
	first = row.head_seq + 1;
	before = row.head_mac;
	for (size_t i = 0; i < r->n; i++) {
		char *mac = arena_alloc(a, AUDIT_CHAIN_MAC);

		row = audit_unsealed_row(r, i);
		audit_chain_make(k, AUDIT_CHAIN_LINK, before,
		    (uint64_t)first + i, row.text, (uint8_t *)mac);
		before = (struct str){ mac, AUDIT_CHAIN_MAC };
		buf_fmt(&ids, "%s%lld", i ? "," : "", (long long)row.id);
		buf_fmt(&macs, "%s%.*s", i ? "," : "",
		    STR_FMT(hex_encode(a, before)));
	}
	if (db_run(db, a, SQL(audit_seal, .first = first, .ids = buf_str(&ids),
	    .macs = buf_str(&macs)), NULL) != E_OK)
		return false;
	log_sealed(s, a, first + (int64_t)r->n - 1, before);
	if (r->n == BATCH)
		s->look_at = 0;
	return r->n == BATCH;
}
