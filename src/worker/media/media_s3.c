#include "worker/media/media_s3.h"

#include "base/clock.h"
#include "base/log.h"
#include "core/outgoing/media_url.h"
#include "crypto/sigv4.h"

#define CONNECT_MS 3000L
#define TOTAL_MS 15000L
#define FOREVER "public, max-age=31536000, immutable" /* a name has one file */

/* In the order of their names; what has no value is left out. */
static size_t
make_headers(struct arena *a, const struct config *c, struct sigv4_header *h,
    const char *type, struct str date, struct str payload, struct str host)
{
	size_t n = 0;

	if (type)
		h[n++] = (struct sigv4_header){ STR("cache-control"),
			STR(FOREVER) };
	if (type)
		h[n++] = (struct sigv4_header){ STR("content-type"),
			arena_str(a, str_of(type)) };
	h[n++] = (struct sigv4_header){ STR("host"), host };
	if (type && c->s3_public_read)
		h[n++] = (struct sigv4_header){ STR("x-amz-acl"),
			STR("public-read") };
	h[n++] = (struct sigv4_header){ STR("x-amz-content-sha256"), payload };
	h[n++] = (struct sigv4_header){ STR("x-amz-date"), date };
	if (c->s3_token[0])
		h[n++] = (struct sigv4_header){ STR("x-amz-security-token"),
			str_of(c->s3_token) };
	return n;
}

struct webclient_once
media_s3_request(struct arena *a, const struct config *c, struct str key,
    const char *type, struct str bytes, int64_t wall)
{
	const struct media_place p = media_url_place(a, c, key);
	const struct sigv4_key k = { str_of(c->s3_key), str_of(c->s3_secret),
		str_of(c->s3_region), STR("s3") };
	struct str date = sigv4_time(a, wall);
	struct str payload = c->s3_unsigned && type ? STR("UNSIGNED-PAYLOAD") :
	    sigv4_payload(a, bytes);
	struct sigv4_header h[8];
	const struct sigv4_request r = { type ? STR("PUT") : STR("DELETE"),
		p.path, STR(""), h,
		make_headers(a, c, h, type, date, payload, p.host), payload };
	const char **lines = arena_array(a, r.nheaders + 3, sizeof(*lines));
	size_t n = 0;

	for (; n < r.nheaders; n++)
		lines[n] = ARENA_JOIN(a, h[n].name, STR(": "), h[n].value).p;
	lines[n++] = ARENA_JOIN(a, STR("authorization: "),
	    sigv4_authorization(a, &k, &r, date)).p;
	lines[n++] = "expect:";
	return (struct webclient_once){ .method = r.method.p,
		.url = ARENA_JOIN(a, p.base, p.path).p, .headers = lines,
		.body = bytes, .ca_file = c->s3_ca, .connect_ms = CONNECT_MS,
		.total_ms = TOTAL_MS };
}

/* The store's own words name buckets and keys, no secrets. */
static void
tell_failure(const struct webclient_once *o, long status, const char *why,
    const char *shown)
{
	if (status == 0)
		log_error("the store of pictures gives no answer",
		    log_c("method", o->method), log_c("why", why));
	else
		log_error("the store of pictures refuses",
		    log_c("method", o->method), log_i("status", status),
		    log_c("answer", shown));
}

static bool
ask(struct arena *a, const struct config *c, struct str key, const char *type,
    struct str bytes)
{
	const struct webclient_once o = media_s3_request(a, c, key, type,
	    bytes, clock_wall());
	char shown[WEBCLIENT_SHOWN + 1];
	const char *why = "";
	long status = webclient_once_send(&o, &why, shown);

	if (status / 100 == 2 || (type == NULL && status == 404))
		return true;
	tell_failure(&o, status, why, shown);
	return false;
}

bool
media_s3_put(struct arena *a, const struct config *c, struct str key,
    const char *type, struct str bytes)
{
	return ask(a, c, key, type, bytes);
}

bool
media_s3_remove(struct arena *a, const struct config *c, struct str key)
{
	return ask(a, c, key, NULL, STR(""));
}
