/*
 * POSTs by a bare libcurl multi loop, what the courier is compared with: the
 * same number under way, one easy handle each, kept connections, headers of
 * each request made anew.
 *
 * usage: posts NUMBER AT_ONCE URL BODY; prints how many were answered 200.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

#define AT_ONCE 1024

static struct {
	CURLM *multi;
	const char *url, *body;
	long left, busy, good;
	struct slot {
		CURL *easy;
		struct curl_slist *headers;
	} slots[AT_ONCE];
} bare;

static size_t
ignore(char *p, size_t size, size_t n, void *arg)
{
	(void)p, (void)arg;
	return size * n;
}

/* As many and as long as the courier's. */
static struct curl_slist *
headers_of(long n)
{
	struct curl_slist *list = NULL;
	char text[256];

	list = curl_slist_append(list, "Content-Type: application/json");
	list = curl_slist_append(list, "Accept: */*");
	list = curl_slist_append(list, "Expect:");
	list = curl_slist_append(list, "User-Agent: Postern-Webhooks/0.1.0");
	snprintf(text, sizeof(text), "webhook-id: "
	    "01936f0e-0000-7000-8000-%012ld", n);
	list = curl_slist_append(list, text);
	list = curl_slist_append(list, "webhook-timestamp: 1700000000");
	list = curl_slist_append(list, "webhook-signature: v1,"
	    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=");
	list = curl_slist_append(list, "X-Webhook-Event: user.updated");
	return curl_slist_append(list, "X-Webhook-Signature: "
	    "0000000000000000000000000000000000000000000000000000000000000000");
}

static void
start(struct slot *s)
{
	if (bare.left == 0)
		return;
	s->headers = headers_of(bare.left--);
	curl_easy_setopt(s->easy, CURLOPT_URL, bare.url);
	curl_easy_setopt(s->easy, CURLOPT_HTTPHEADER, s->headers);
	curl_easy_setopt(s->easy, CURLOPT_POSTFIELDSIZE_LARGE,
	    (curl_off_t)strlen(bare.body));
	curl_easy_setopt(s->easy, CURLOPT_POSTFIELDS, bare.body);
	curl_multi_add_handle(bare.multi, s->easy);
	bare.busy++;
}

static bool
make(struct slot *s)
{
	s->easy = curl_easy_init();
	if (s->easy == NULL)
		return false;
	curl_easy_setopt(s->easy, CURLOPT_PRIVATE, s);
	curl_easy_setopt(s->easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(s->easy, CURLOPT_TIMEOUT_MS, 20000L);
	curl_easy_setopt(s->easy, CURLOPT_WRITEFUNCTION, ignore);
	return true;
}

static void
finish(CURLMsg *m)
{
	struct slot *s = NULL;
	long status = 0;

	curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &s);
	curl_easy_getinfo(m->easy_handle, CURLINFO_RESPONSE_CODE, &status);
	bare.good += m->data.result == CURLE_OK && status == 200;
	curl_multi_remove_handle(bare.multi, s->easy);
	curl_slist_free_all(s->headers);
	bare.busy--;
	start(s);
}

int
main(int argc, char **argv)
{
	long at_once = argc == 5 ? strtol(argv[2], NULL, 10) : 0;
	int running, left;
	CURLMsg *m;

	if (at_once < 1 || at_once > AT_ONCE ||
	    curl_global_init(CURL_GLOBAL_ALL) != 0 ||
	    (bare.multi = curl_multi_init()) == NULL)
		return 64;
	bare.left = strtol(argv[1], NULL, 10);
	bare.url = argv[3];
	bare.body = argv[4];
	curl_multi_setopt(bare.multi, CURLMOPT_MAXCONNECTS, at_once);
	for (long i = 0; i < at_once; i++) {
		if (!make(&bare.slots[i]))
			return 70;
		start(&bare.slots[i]);
	}
	while (bare.busy) {
		curl_multi_perform(bare.multi, &running);
		while ((m = curl_multi_info_read(bare.multi, &left)) != NULL)
			finish(m);
		if (running == bare.busy)
			curl_multi_poll(bare.multi, NULL, 0, 1000, NULL);
	}
	for (long i = 0; i < at_once; i++)
		curl_easy_cleanup(bare.slots[i].easy);
	curl_multi_cleanup(bare.multi);
	printf("%ld\n", bare.good);
	return 0;
}
