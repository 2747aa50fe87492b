#include "core/session/session_proved.h"

#include "base/clock.h"
#include "base/encoding.h"
#include "core/session/session_change.h"
#include "core/session/session_entry.h"
#include "core/session/signing.h"

#define UUID_TEXT 36

/* Before the cells of the row. */
struct head {
	int64_t until, iat, exp; /* Unix seconds */
	int64_t read;		 /* by the clock of Postgres */
	char session_id[UUID_TEXT], user_id[UUID_TEXT];
};

static bool
believed(struct ctx *x, const struct head *h)
{
	struct str sid = { h->session_id, UUID_TEXT };
	struct str uid = { h->user_id, UUID_TEXT };

	return clock_wall() / CLOCK_SECOND < h->until &&
	    session_change_heard(x) &&
	    session_entry_holds(x, sid, uid, h->read);
}

bool
session_proved_find(struct ctx *x, struct str token, struct session_proof *p)
{
	uint8_t room[SHARED_TABLE_ROOM];
	struct str entry;
	struct head h;

	*p = (struct session_proof){ 0 };
	p->named = !x->shared->alone && shared_table_name(&x->shared->proved,
	    signing_stamp(), token, p->name);
	if (!p->named)
		return false;
	entry = (struct str){ (char *)room,
		shared_table_get(&x->shared->proved, p->name, room) };
	if (entry.n < sizeof(h))
		return false;
	memcpy(&h, entry.p, sizeof(h));
	if (!believed(x, &h))
		return false;
	entry = arena_str(x->arena, entry);
	p->session_id = str_slice(entry, offsetof(struct head, session_id),
	    offsetof(struct head, user_id));
	p->user_id = str_slice(entry, offsetof(struct head, user_id),
	    offsetof(struct head, user_id) + UUID_TEXT);
	p->iat = h.iat;
	p->exp = h.exp;
	p->read = h.read;
	return session_entry_unpack(x, str_slice(entry, sizeof(h), entry.n),
	    &p->row);
}

void
session_proved_keep(struct ctx *x, const struct session_proof *p,
    const struct jwt_claims *c, const struct rows *r)
{
	struct str entry;
	struct head h = { .until = c->until, .iat = c->iat, .exp = c->exp,
		.read = session_load_row(r, 0).read_at };

	if (!p->named || c->sid.n != UUID_TEXT || c->sub.n != UUID_TEXT)
		return;
	memcpy(h.session_id, c->sid.p, UUID_TEXT);
	memcpy(h.user_id, c->sub.p, UUID_TEXT);
	entry = session_entry_pack(x, sizeof(h), r);
	memcpy((char *)(uintptr_t)entry.p, &h, sizeof(h));
	shared_table_put(&x->shared->proved, p->name, entry);
}
