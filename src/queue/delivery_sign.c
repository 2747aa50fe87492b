#include <config.h>

#include "base/encoding.h"
#include "core/webhook.h"
#include "crypto/hmac.h"
#include "crypto/seal.h"
#include "queue/delivery.h"

#define HEADERS 11

/* printf would cost as much as a signature. */
static struct str
join(struct arena *a, const struct str *parts, size_t n)
{
	size_t room = 1;
	struct str out;
	char *p;

	for (size_t i = 0; i < n; i++)
		room += parts[i].n;
	out = (struct str){ p = arena_alloc(a, room), room - 1 };
	for (size_t i = 0; i < n; p += parts[i++].n)
		if (parts[i].n)
			memcpy(p, parts[i].p, parts[i].n);
	return out;
}

#define JOIN(a, ...) join((a), (const struct str[]){ __VA_ARGS__ }, \
	sizeof((const struct str[]){ __VA_ARGS__ }) / sizeof(struct str))

/* Standard Webhooks: the key is what "whsec_" is followed by, in base64. */
static struct str
standard(struct arena *a, struct str secret, struct str signed_text)
{
	struct str key = STR_NONE;

	if (!str_starts(secret, STR("whsec_")) ||
	    !b64_decode(a, str_slice(secret, 6, secret.n), &key))
		return STR_NONE;
	return b64_encode(a, hmac_sha256(a, key, signed_text));
}

/* Seed 001: hex HMAC of the body, keyed with the secret as it is shown. */
static struct str
plain(struct arena *a, struct str secret, struct str body)
{
	return hex_encode(a, hmac_sha256(a, secret, body));
}

const char *const *
delivery_headers(struct arena *a, const struct keyring *k,
    const struct delivery *d, int64_t now)
{
	const char **h = arena_array(a, HEADERS + 1, sizeof(*h));
	struct str bound = webhook_bound(a, d->webhook_id), text, v1, secret;
	struct str old = STR_NONE, v1_old = STR_NONE, at = arena_int(a, now);
	int n = 0;

	if (unseal(a, k, bound, d->secret, &secret) != E_OK)
		return NULL;
	if (d->previous.n && unseal(a, k, bound, d->previous, &old) != E_OK)
		old = STR_NONE;
	text = JOIN(a, d->event_id, STR("."), at, STR("."), d->body);
	v1 = standard(a, secret, text);
	if (old.n)
		v1_old = standard(a, old, text);
	h[n++] = "Content-Type: application/json";
	h[n++] = "Accept: */*";
	h[n++] = "Expect:";
	h[n++] = "User-Agent: Postern-Webhooks/" PACKAGE_VERSION;
	h[n++] = JOIN(a, STR("webhook-id: "), d->event_id).p;
	h[n++] = JOIN(a, STR("webhook-timestamp: "), at).p;
	h[n++] = JOIN(a, STR("webhook-signature: v1,"), v1,
	    v1_old.n ? STR(" v1,") : STR_NONE, v1_old).p;
	h[n++] = JOIN(a, STR("X-Webhook-Event: "), d->event).p;
	h[n++] = JOIN(a, STR("X-Webhook-Signature: "),
	    plain(a, secret, d->body)).p;
	if (old.n)
		h[n++] = JOIN(a, STR("X-Webhook-Signature-Previous: "),
		    plain(a, old, d->body)).p;
	return (const char *const *)h;
}
