#include "queue/batch.h"

#include <stdlib.h>

#include "base/log.h"
#include "core/outgoing/webhook_url.h"

static void *
must(void *p)
{
	if (p)
		return p;
	log_error("out of memory", log_c("what", "a delivery"));
	exit(70);
}

char *
batch_text(struct str *const list[], size_t n)
{
	char *block, *p;
	size_t room = n;

	for (size_t i = 0; i < n; i++)
		room += list[i]->n;
	block = p = must(malloc(room));
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

struct batch *
batch_new(const struct batch *from)
{
	struct batch *b = must(malloc(sizeof(*b)));
	struct str *const list[] = { &b->lease, &b->webhook_id, &b->url,
		&b->secret, &b->previous };

	*b = *from;
	b->text = batch_text(list, sizeof(list) / sizeof(list[0]));
	return b;
}

void
batch_drop(struct batch *b)
{
	if (--b->left > 0)
		return;
	signer_free(&b->signer);
	free(b->text);
	free(b);
}

void
batch_ready(struct batch *b, struct arena *a, const struct config *c,
    const struct keyring *k)
{
	struct webhook_url url;

	if (b->state != BATCH_NEW)
		return;
	b->state = BATCH_NO_ADDRESS;
	if (webhook_url_fault(a, c, b->url, &url))
		return;
	b->signer = signer_new(a, k, b->webhook_id, b->secret, b->previous);
	b->state = b->signer ? BATCH_FINE : BATCH_NO_KEY;
}
