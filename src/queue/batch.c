#include "queue/batch.h"

#include <stdlib.h>

#include "base/log.h"
#include "core/webhook_url.h"

/* Move s to p, a NUL behind it; where the next may stand. */
static char *
put(char *p, struct str *s)
{
	if (s->p == NULL)
		return p;
	memcpy(p, s->p, s->n);
	p[s->n] = '\0';
	s->p = p;
	return p + s->n + 1;
}

struct batch *
batch_new(const struct batch *from)
{
	struct batch *b = malloc(sizeof(*b) + from->lease.n +
	    from->webhook_id.n + from->url.n + from->secret.n +
	    from->previous.n + 5);
	char *p = (char *)(b + 1);

	if (b == NULL) {
		log_error("out of memory", log_c("what", "a batch"));
		exit(70);
	}
	*b = *from;
	p = put(p, &b->lease);
	p = put(p, &b->webhook_id);
	p = put(p, &b->url);
	p = put(p, &b->secret);
	put(p, &b->previous);
	return b;
}

void
batch_drop(struct batch *b, int n)
{
	b->left -= n;
	if (b->left > 0)
		return;
	signer_free(&b->signer);
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
	if (!webhook_url_ok(a, c, b->url, &url))
		return;
	b->signer = signer_new(a, k, b->webhook_id, b->secret, b->previous);
	b->state = b->signer ? BATCH_FINE : BATCH_NO_KEY;
}
