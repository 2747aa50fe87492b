#include "worker/webhook/webhook_sign.h"

#include <config.h>

#include <stdlib.h>

#include "base/encoding.h"
#include "base/json/json.h"
#include "base/memory.h"
#include "core/outgoing/webhook.h"
#include "crypto/hmac.h"
#include "crypto/seal.h"

#define HEADERS 12
#define DEPTH 4 /* of the JSON of an answer */

/* One secret, in both styles. */
struct key {
	bool given; /* false: there is no such secret */
	struct hmac standard, plain;
};

struct webhook_sign {
	struct key now, before;
};

/*
 * Standard Webhooks: the key is what follows "whsec_", in base64.
 * X-Webhook-Signature: the key is the secret as it is shown (row WH6).
 */
static bool
key_make(struct arena *a, const struct keyring *k, struct str bound,
    struct str sealed, struct key *out)
{
	struct str secret, raw = STR_NONE;

	if (sealed.n == 0 || unseal(a, k, bound, sealed, &secret) != E_OK ||
	    !str_starts(secret, STR("whsec_")) ||
	    !b64_decode(a, str_slice(secret, 6, secret.n), &raw))
		return false;
	out->given = true;
	hmac_key(&out->standard, raw);
	hmac_key(&out->plain, secret);
	return true;
}

struct webhook_sign *
webhook_sign_new(struct arena *a, const struct keyring *k,
    struct str webhook_id,
    struct str secret, struct str previous)
{
	struct str bound = webhook_bound(a, webhook_id);
	struct webhook_sign *s = memory_new("a signer", 1, sizeof(*s));

	if (!key_make(a, k, bound, secret, &s->now))
		webhook_sign_free(&s);
	else
		(void)key_make(a, k, bound, previous, &s->before);
	return s;
}

void
webhook_sign_free(struct webhook_sign **s)
{
	if (*s == NULL)
		return;
	explicit_bzero(*s, sizeof(**s));
	free(*s);
	*s = NULL;
}

static struct str
standard(struct arena *a, const struct key *k, const struct delivery *d,
    struct str at)
{
	const struct str signed_text[] = { d->event_id, STR("."), at, STR("."),
		d->body };
	uint8_t mac[HMAC_BYTES];

	hmac_sum(&k->standard, signed_text, 5, mac);
	return b64_encode(a, (struct str){ (char *)mac, sizeof(mac) });
}

static struct str
plain_signature(struct arena *a, const struct key *k, const struct delivery *d)
{
	uint8_t mac[HMAC_BYTES];

	hmac_sum(&k->plain, &d->body, 1, mac);
	return hex_encode(a, (struct str){ (char *)mac, sizeof(mac) });
}

/* A text that only we can make; the endpoint need not know the secret. */
static struct str
challenge_text(struct arena *a, const struct key *k, const struct delivery *d)
{
	const struct str text[] = { STR("challenge."), d->event_id };
	uint8_t mac[HMAC_BYTES];

	hmac_sum(&k->plain, text, 2, mac);
	return hex_encode(a, (struct str){ (char *)mac, sizeof(mac) });
}

bool
webhook_sign_echoed(struct arena *a, struct webhook_sign *s,
    const struct delivery *d,
    struct str body)
{
	struct str want = challenge_text(a, &s->now, d), said = str_trim(body);
	cJSON *v = NULL;

	if (said.n == 0 || str_eq(said, want))
		return said.n > 0;
	if (json_parse(a, said, DEPTH, &v, NULL) != E_OK)
		return false;
	return str_eq(json_text(cJSON_IsObject(v) ? json_get(v, "challenge") :
	    v), want);
}

const char *const *
webhook_sign_headers(struct arena *a, struct webhook_sign *s,
    const struct delivery *d,
    int64_t now)
{
	const char **h = arena_array(a, HEADERS + 1, sizeof(*h));
	struct str at = arena_int(a, now), old = STR_NONE;
	bool both = s->before.given;
	int n = 0;

	if (both)
		old = standard(a, &s->before, d, at);
	h[n++] = "Content-Type: application/json";
	h[n++] = "Accept: */*";
	h[n++] = "Expect:";
	h[n++] = "User-Agent: Postern-Webhooks/" PACKAGE_VERSION;
	h[n++] = ARENA_JOIN(a, STR("webhook-id: "), d->event_id).p;
	h[n++] = ARENA_JOIN(a, STR("webhook-timestamp: "), at).p;
	h[n++] = ARENA_JOIN(a, STR("webhook-signature: v1,"),
	    standard(a, &s->now, d, at), both ? STR(" v1,") : STR_NONE, old).p;
	h[n++] = ARENA_JOIN(a, STR("X-Webhook-Event: "), d->event).p;
	h[n++] = ARENA_JOIN(a, STR("X-Webhook-Signature: "),
	    plain_signature(a, &s->now, d)).p;
	if (both)
		h[n++] = ARENA_JOIN(a, STR("X-Webhook-Signature-Previous: "),
		    plain_signature(a, &s->before, d)).p;
	if (d->batch->trial)
		h[n++] = ARENA_JOIN(a, STR("X-Webhook-Challenge: "),
		    challenge_text(a, &s->now, d)).p;
	return (const char *const *)h;
}
