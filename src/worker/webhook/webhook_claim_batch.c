#include "worker/webhook/webhook_claim_batch.h"

#include <stdlib.h>

#include "base/memory.h"
#include "core/outgoing/webhook_url.h"
#include "worker/webhook/webhook_sign.h"

char *
webhook_claim_batch_text(struct str *const list[], size_t n)
{
	char *block, *p;
	size_t room = n;

	for (size_t i = 0; i < n; i++)
		room += list[i]->n;
	block = p = memory_new("a delivery", 1, room);
	for (size_t i = 0; i < n; i++) {
		struct str *s = list[i];

		if (s->p == NULL)
			continue;
		memcpy(p, s->p, s->n);
		p[s->n] = '\0';
		s->p = p;
		p += s->n + 1;
	}
	return block;
}

struct webhook_claim_batch *
webhook_claim_batch_new(const struct webhook_claim_batch *from)
{
	struct webhook_claim_batch *b = memory_new("deliveries", 1,
	    sizeof(*b));
	struct str *const list[] = { &b->lease, &b->webhook_id, &b->url,
		&b->secret, &b->previous };

	*b = *from;
	b->text = webhook_claim_batch_text(list,
	    sizeof(list) / sizeof(list[0]));
	return b;
}

void
webhook_claim_batch_drop(struct webhook_claim_batch *b)
{
	if (--b->left > 0)
		return;
	webhook_sign_free(&b->signer);
	free(b->text);
	free(b);
}

void
webhook_claim_batch_ready(struct webhook_claim_batch *b, struct arena *a,
    const struct config *c,
    const struct keyring *k)
{
	struct webhook_url url;

	if (b->state != CLAIM_BATCH_NEW)
		return;
	b->state = CLAIM_BATCH_NO_ADDRESS;
	if (webhook_url_fault(a, c, b->url, &url))
		return;
	b->signer = webhook_sign_new(a, k, b->webhook_id, b->secret,
	    b->previous);
	b->state = b->signer ? CLAIM_BATCH_FINE : CLAIM_BATCH_NO_KEY;
}
