#include "worker/webclient/webclient_once.h"

#include "base/memory.h"
#include "worker/webclient/webclient_option.h"
#include "worker/webclient/webclient_trust.h"

struct shown {
	char *text;
	size_t n;
};

/* Keep the beginning, in a form that may be logged. */
static size_t
keep_answer(char *p, size_t size, size_t count, void *arg)
{
	struct shown *s = arg;
	size_t n = size * count;

	for (size_t i = 0; i < n && s->n < WEBCLIENT_SHOWN; i++)
		s->text[s->n++] = p[i] >= ' ' && p[i] <= '~' ? p[i] : ' ';
	s->text[s->n] = '\0';
	return n;
}

static struct curl_slist *
list_of(const char *const *headers)
{
	struct curl_slist *list = NULL, *longer;

	for (; *headers; headers++) {
		longer = curl_slist_append(list, *headers);
		if (longer == NULL)
			memory_exhausted("headers", strlen(*headers));
		list = longer;
	}
	return list;
}

static void
set_options(CURL *e, const struct webclient_once *o, struct shown *s)
{
	WEBCLIENT_OPTION(e, CURLOPT_URL, o->url);
	WEBCLIENT_OPTION(e, CURLOPT_PROTOCOLS_STR, "http,https");
	WEBCLIENT_OPTION(e, CURLOPT_FOLLOWLOCATION, 0L);
	WEBCLIENT_OPTION(e, CURLOPT_PROXY, "");
	WEBCLIENT_OPTION(e, CURLOPT_NOPROXY, "*");
	WEBCLIENT_OPTION(e, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	WEBCLIENT_OPTION(e, CURLOPT_NOSIGNAL, 1L);
	WEBCLIENT_OPTION(e, CURLOPT_CONNECTTIMEOUT_MS, o->connect_ms);
	WEBCLIENT_OPTION(e, CURLOPT_TIMEOUT_MS, o->total_ms);
	WEBCLIENT_OPTION(e, CURLOPT_CUSTOMREQUEST, o->method);
	WEBCLIENT_OPTION(e, CURLOPT_WRITEFUNCTION, keep_answer);
	WEBCLIENT_OPTION(e, CURLOPT_WRITEDATA, s);
	webclient_trust(e, o->ca_file);
	if (o->body.n == 0)
		return;
	WEBCLIENT_OPTION(e, CURLOPT_POSTFIELDSIZE_LARGE,
	    (curl_off_t)o->body.n);
	WEBCLIENT_OPTION(e, CURLOPT_POSTFIELDS, o->body.p);
}

long
webclient_once_send(const struct webclient_once *o, const char **why,
    char shown[WEBCLIENT_SHOWN + 1])
{
	struct shown s = { shown, 0 };
	struct curl_slist *headers = list_of(o->headers);
	CURL *e = curl_easy_init();
	long status = 0;
	CURLcode rc;

	if (e == NULL)
		memory_exhausted("a transfer", 0);
	shown[0] = '\0';
	set_options(e, o, &s);
	WEBCLIENT_OPTION(e, CURLOPT_HTTPHEADER, headers);
	rc = curl_easy_perform(e);
	*why = curl_easy_strerror(rc);
	if (rc == CURLE_OK)
		curl_easy_getinfo(e, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_cleanup(e);
	curl_slist_free_all(headers);
	return status;
}
