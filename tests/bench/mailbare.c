/*
 * What tests/bench/run compares the worker's mail with: a bare loop of
 * libcurl's multi interface that sends messages of one size over kept
 * connections and does nothing else.
 *
 * usage: mailbare PORT CONNECTIONS MESSAGES BYTES
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

#define CONNECTIONS_MAX 64

struct one {
	CURL *easy;
	size_t sent;
};

static char *text;
static size_t size;
static long left;

static size_t
give(char *to, size_t unit, size_t count, void *arg)
{
	struct one *o = arg;
	size_t n = size - o->sent;

	if (n > unit * count)
		n = unit * count;
	memcpy(to, text + o->sent, n);
	o->sent += n;
	return n;
}

static size_t
drop(char *p, size_t unit, size_t count, void *arg)
{
	(void)p, (void)arg;
	return unit * count;
}

/* Lines of 72 bytes, as a mail has them. */
static void
make_text(void)
{
	text = malloc(size + 2);
	for (size_t i = 0; text && i < size; i++)
		text[i] = i % 74 == 72 ? '\r' : i % 74 == 73 ? '\n' : 'x';
	if (text && size > 2)
		memcpy(text + size - 2, "\r\n", 2);
}

static void
prepare(struct one *o, const char *url, struct curl_slist *to)
{
	o->easy = curl_easy_init();
	curl_easy_setopt(o->easy, CURLOPT_URL, url);
	curl_easy_setopt(o->easy, CURLOPT_MAIL_FROM, "<no-reply@a.test>");
	curl_easy_setopt(o->easy, CURLOPT_MAIL_RCPT, to);
	curl_easy_setopt(o->easy, CURLOPT_UPLOAD, 1L);
	curl_easy_setopt(o->easy, CURLOPT_READFUNCTION, give);
	curl_easy_setopt(o->easy, CURLOPT_READDATA, o);
	curl_easy_setopt(o->easy, CURLOPT_WRITEFUNCTION, drop);
	curl_easy_setopt(o->easy, CURLOPT_INFILESIZE_LARGE,
	    (curl_off_t)size);
	curl_easy_setopt(o->easy, CURLOPT_PRIVATE, o);
	curl_easy_setopt(o->easy, CURLOPT_PROXY, "");
}

static void
begin(CURLM *multi, struct one *o)
{
	if (left-- <= 0)
		return;
	o->sent = 0;
	curl_multi_add_handle(multi, o->easy);
}

static int
run(CURLM *multi)
{
	int running = 1, more;
	struct one *o;
	CURLMsg *m;

	while (running) {
		curl_multi_perform(multi, &running);
		while ((m = curl_multi_info_read(multi, &more)) != NULL) {
			if (m->data.result != CURLE_OK)
				return 1;
			curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &o);
			curl_multi_remove_handle(multi, o->easy);
			begin(multi, o);
			running = 1;
		}
		curl_multi_poll(multi, NULL, 0, 10, NULL);
	}
	return 0;
}

int
main(int argc, char **argv)
{
	static struct one ones[CONNECTIONS_MAX];
	struct curl_slist *to = NULL;
	long connections;
	char url[64];
	CURLM *multi;

	if (argc != 5)
		return 64;
	connections = strtol(argv[2], NULL, 10);
	left = strtol(argv[3], NULL, 10);
	size = strtoul(argv[4], NULL, 10);
	make_text();
	curl_global_init(CURL_GLOBAL_DEFAULT);
	multi = curl_multi_init();
	curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, connections);
	to = curl_slist_append(NULL, "<user@example.test>");
	snprintf(url, sizeof(url), "smtp://127.0.0.1:%s", argv[1]);
	for (long i = 0; i < connections && i < CONNECTIONS_MAX; i++) {
		prepare(&ones[i], url, to);
		begin(multi, &ones[i]);
	}
	return run(multi);
}
