#include "crypto/sigv4.h"

#include <time.h>

#include <sodium.h>

#include "base/buf.h"
#include "base/encoding.h"
#include "crypto/hmac.h"

#define DAY 8	       /* of the time: 20150830 */
#define TEXT_MAX 65536 /* bytes of a canonical request */

struct str
sigv4_payload(struct arena *a, struct str body)
{
	unsigned char sum[crypto_hash_sha256_BYTES];

	crypto_hash_sha256(sum, (const unsigned char *)body.p, body.n);
	return hex_encode(a, (struct str){ (const char *)sum, sizeof(sum) });
}

struct str
sigv4_time(struct arena *a, int64_t wall_us)
{
	time_t seconds = (time_t)(wall_us / 1000000);
	char text[32];
	struct tm tm;

	gmtime_r(&seconds, &tm);
	return arena_str(a, (struct str){ text,
	    strftime(text, sizeof(text), "%Y%m%dT%H%M%SZ", &tm) });
}

static void
add_signed_names(struct buf *b, const struct sigv4_request *r)
{
	for (size_t i = 0; i < r->nheaders; i++) {
		if (i)
			buf_byte(b, ';');
		buf_add(b, r->headers[i].name);
	}
}

struct str
sigv4_canonical(struct arena *a, const struct sigv4_request *r)
{
	struct buf b = buf_new(a, TEXT_MAX);

	buf_fmt(&b, "%.*s\n%.*s\n%.*s\n", STR_FMT(r->method),
	    STR_FMT(r->path), STR_FMT(r->query));
	for (size_t i = 0; i < r->nheaders; i++) {
		buf_add(&b, r->headers[i].name);
		buf_byte(&b, ':');
		buf_add(&b, r->headers[i].value);
		buf_byte(&b, '\n');
	}
	buf_byte(&b, '\n');
	add_signed_names(&b, r);
	buf_byte(&b, '\n');
	buf_add(&b, r->payload);
	return buf_str(&b);
}

/* sum becomes the HMAC of text by what was in sum. */
static void
chain(unsigned char sum[HMAC_BYTES], struct str text)
{
	struct hmac h;

	hmac_key(&h, (struct str){ (const char *)sum, HMAC_BYTES });
	hmac_sum(&h, &text, 1, sum);
	hmac_wipe(&h);
}

/* The key of this day, region and service. */
static void
signing_key(struct arena *a, const struct sigv4_key *key, struct str time,
    unsigned char out[HMAC_BYTES])
{
	struct str first = ARENA_JOIN(a, STR("AWS4"), key->secret);
	struct str day = str_slice(time, 0, DAY);
	struct hmac h;

	hmac_key(&h, first);
	hmac_sum(&h, &day, 1, out);
	hmac_wipe(&h);
	chain(out, key->region);
	chain(out, key->service);
	chain(out, STR("aws4_request"));
}

struct str
sigv4_authorization(struct arena *a, const struct sigv4_key *key,
    const struct sigv4_request *r, struct str time)
{
	struct str scope = arena_fmt(a, "%.*s/%.*s/%.*s/aws4_request",
	    STR_FMT(str_slice(time, 0, DAY)), STR_FMT(key->region),
	    STR_FMT(key->service));
	struct str hash = sigv4_payload(a, sigv4_canonical(a, r));
	unsigned char sum[HMAC_BYTES];
	struct buf b = buf_new(a, TEXT_MAX);

	signing_key(a, key, time, sum);
	chain(sum, ARENA_JOIN(a, STR("AWS4-HMAC-SHA256\n"), time, STR("\n"),
	    scope, STR("\n"), hash));
	buf_fmt(&b, "AWS4-HMAC-SHA256 Credential=%.*s/%.*s, SignedHeaders=",
	    STR_FMT(key->id), STR_FMT(scope));
	add_signed_names(&b, r);
	buf_add(&b, STR(", Signature="));
	buf_add(&b, hex_encode(a, (struct str){ (const char *)sum,
	    sizeof(sum) }));
	return buf_str(&b);
}
