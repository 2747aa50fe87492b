#include "worker/mail/mail_inflight.h"

#ifdef __GLIBC__
#include <malloc.h>
#endif

#include "base/clock.h"
#include "base/limits.h"

#define BURST 32

static void
ended_item(struct mail_inflight *h)
{
	h->open--;
	if (h->ended_at == 0)
		h->ended_at = clock_mono();
}

void
mail_inflight_add(struct mail_inflight *h, const struct job *claimed)
{
	struct mail_item *l = h->loads;

	while (l->used)
		l++;
	if (l->arena == NULL)
		l->arena = arena_new(LIMIT_ARENA);
	l->used = true;
	h->used++;
	h->open++;
	if (!mail_item_fill(l, claimed, h->keys, h->sender)) {
		ended_item(h);
		return;
	}
	smtp_add(h->transfer, &(struct smtp_mail){
	    .from = h->sender->address, .to = l->mail.to,
	    .message = l->mail.message, .priority = l->job.priority,
	    .before = l->job.begin_by, .arg = l });
}

void
mail_inflight_end(struct mail_inflight *h, struct mail_item *l,
    const struct smtp_result *r)
{
	mail_item_judge(l, r);
	ended_item(h);
}

size_t
mail_inflight_ended(struct mail_inflight *h, struct mail_item *out[SMTP_ROOM])
{
	size_t n = 0, all = (size_t)(h->used - h->open);

	for (struct mail_item *l = h->loads; n < all; l++)
		if (l->used && l->ended)
			out[n++] = l;
	h->ended_at = 0;
	return n;
}

void
mail_inflight_drop(struct mail_inflight *h, struct mail_item *l, bool ours)
{
	mail_item_report(l, ours);
	l->used = l->ended = false;
	h->used--;
	arena_reset(l->arena);
}

/* glibc keeps freed memory until malloc_trim asks for it. */
void
mail_inflight_shrink(struct mail_inflight *h)
{
	int freed = 0;

	for (int i = 0; i < SMTP_ROOM; i++)
		if (h->loads[i].arena) {
			arena_free(&h->loads[i].arena);
			freed++;
		}
#ifdef __GLIBC__
	if (freed > BURST)
		malloc_trim(0);
#endif
}

struct str
mail_inflight_leases(const struct mail_inflight *h, struct arena *a,
    struct str list)
{
	for (const struct mail_item *l = h->loads; l < h->loads + SMTP_ROOM;
	    l++)
		if (l->used)
			list = arena_fmt(a, "%.*s%s%.*s", STR_FMT(list),
			    list.n ? "," : "", STR_FMT(l->job.lease));
	return list;
}
