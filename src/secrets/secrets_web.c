#include "secrets/secrets_web.h"

#include <time.h>

#include <curl/curl.h>

#include "base/clock.h"
#include "base/memory.h"
#include "worker/webclient/webclient_option.h"
#include "worker/webclient/webclient_trust.h"

#define JSON_DEPTH 16
#define PAUSE_FIRST 100000 /* µs */

static bool
is_local(const char *url)
{
	static const char *const hosts[] = { "http://127.0.0.1",
		"http://localhost", "http://[::1]" };

	for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
		size_t n = strlen(hosts[i]);

		if (strncmp(url, hosts[i], n) == 0 &&
		    (url[n] == ':' || url[n] == '/' || url[n] == '\0'))
			return true;
	}
	return false;
}

static size_t
take_body(char *p, size_t size, size_t n, void *arg)
{
	struct buf *b = arg;

	buf_add(b, (struct str){ p, size * n });
	return b->full ? 0 : size * n;
}

static struct curl_slist *
header_list(const struct secrets_call *call)
{
	struct curl_slist *list = NULL, *longer;

	for (size_t i = 0; call->headers[i]; i++) {
		longer = curl_slist_append(list, call->headers[i]);
		if (longer == NULL)
			memory_exhausted("headers", 0);
		list = longer;
	}
	return list;
}

static void
set_options(struct secrets *s, CURL *e, const struct secrets_call *call,
    struct curl_slist *headers, struct buf *body)
{
	long left = (long)((s->until - clock_mono()) / 1000);

	webclient_trust(e, secrets_asked_text(s, "secrets.ca_file"));
	WEBCLIENT_OPTION(e, CURLOPT_URL, call->url);
	WEBCLIENT_OPTION(e, CURLOPT_PROTOCOLS_STR,
	    is_local(call->url) ? "http" : "https");
	WEBCLIENT_OPTION(e, CURLOPT_FOLLOWLOCATION, 0L);
	WEBCLIENT_OPTION(e, CURLOPT_PROXY, "");
	WEBCLIENT_OPTION(e, CURLOPT_NOPROXY, "*");
	WEBCLIENT_OPTION(e, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	WEBCLIENT_OPTION(e, CURLOPT_NOSIGNAL, 1L);
	WEBCLIENT_OPTION(e, CURLOPT_TIMEOUT_MS, left > 1 ? left : 1L);
	WEBCLIENT_OPTION(e, CURLOPT_HTTPHEADER, headers);
	WEBCLIENT_OPTION(e, CURLOPT_WRITEFUNCTION, take_body);
	WEBCLIENT_OPTION(e, CURLOPT_WRITEDATA, body);
	if (call->body.p == NULL)
		return;
	WEBCLIENT_OPTION(e, CURLOPT_POSTFIELDSIZE_LARGE,
	    (curl_off_t)call->body.n);
	WEBCLIENT_OPTION(e, CURLOPT_POSTFIELDS, call->body.p);
}

/* One try. Returns what libcurl says of it. */
static CURLcode
send_once(struct secrets *s, const struct secrets_call *call, long *status,
    struct buf *body)
{
	CURL *e = curl_easy_init();
	struct curl_slist *headers = header_list(call);
	CURLcode rc;

	if (e == NULL)
		memory_exhausted("a transfer", 0);
	*body = buf_new(s->arena, SECRETS_ANSWER);
	set_options(s, e, call, headers, body);
	rc = curl_easy_perform(e);
	curl_easy_getinfo(e, CURLINFO_RESPONSE_CODE, status);
	curl_easy_cleanup(e);
	curl_slist_free_all(headers);
	return rc;
}

static bool
may_pass(CURLcode rc, long status)
{
	return rc == CURLE_COULDNT_CONNECT || rc == CURLE_COULDNT_RESOLVE_HOST ||
	    rc == CURLE_OPERATION_TIMEDOUT || rc == CURLE_GOT_NOTHING ||
	    rc == CURLE_RECV_ERROR || rc == CURLE_SEND_ERROR ||
	    (rc == CURLE_OK && (status == 429 || status >= 500));
}

/* Is there time for another try after a pause, which is longer each time? */
static bool
pause_until_next(const struct secrets *s, int64_t *pause)
{
	struct timespec t = { .tv_nsec = (long)(*pause * 1000) };

	if (clock_mono() + *pause >= s->until)
		return false;
	nanosleep(&t, NULL);
	*pause = *pause < 400000 ? *pause * 2 : *pause;
	return true;
}

enum secrets_end
secrets_web(struct secrets *s, const struct secrets_call *call,
    struct secrets_reply *reply)
{
	int64_t pause = PAUSE_FIRST;
	struct buf body;
	cJSON *json = NULL;
	CURLcode rc;

	if (strncmp(call->url, "https://", 8) != 0 && !is_local(call->url))
		return secrets_fail(s, SECRETS_REFUSED, "the address must "
		    "begin with https://; http:// is for this host only");
	do
		rc = send_once(s, call, &reply->status, &body);
	while (may_pass(rc, reply->status) && pause_until_next(s, &pause));
	if (rc != CURLE_OK)
		return secrets_fail(s, may_pass(rc, 0) ? SECRETS_LATER :
		    SECRETS_REFUSED, "it cannot be asked: %s",
		    curl_easy_strerror(rc));
	if (reply->status == 429 || reply->status >= 500)
		return secrets_fail(s, SECRETS_LATER, "it answered status %ld",
		    reply->status);
	if (json_parse(s->arena, buf_str(&body), JSON_DEPTH, &json, NULL) ==
	    E_OK)
		reply->json = json;
	return SECRETS_GOOD;
}
