#include "queue/transfer.h"

#include <stdio.h>
#include <stdlib.h>

#include <curl/curl.h>

#include "base/log.h"

#define CONNECT_MS 5000L
#define TOTAL_MS 30000L
#define IMPLICIT_TLS_PORT 465 /* RFC 8314 3.3 */

struct transfer {
	CURL *easy;
	CURLU *url;
	char error[CURL_ERROR_SIZE];
	bool (*stop)(void *arg);
	void *arg;
	/* of the transfer under way */
	struct str body;
	size_t sent;
	bool mail_begun;
	bool body_begun;
	long refusal; /* code of the first answer of 400 and more to it */
	char reply[160]; /* and its text */
};

void
transfer_init(void)
{
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
		log_error("libcurl does not start");
		exit(70);
	}
}

static size_t
read_body(char *to, size_t size, size_t count, void *arg)
{
	struct transfer *t = arg;
	size_t room, left = t->body.n - t->sent;

	t->body_begun = true;
	if (__builtin_mul_overflow(size, count, &room))
		return CURL_READFUNC_ABORT;
	if (left > room)
		left = room;
	memcpy(to, t->body.p + t->sent, left);
	t->sent += left;
	return left;
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/*
 * libcurl hands over each line the relay says, that to its QUIT after a
 * refusal too: the first refusal is the one that counts.
 */
static size_t
read_reply(char *line, size_t size, size_t count, void *arg)
{
	struct transfer *t = arg;
	size_t n = size * count, i;

	if (!t->mail_begun || t->refusal || n < 4 ||
	    (line[0] != '4' && line[0] != '5') || !is_digit(line[1]) ||
	    !is_digit(line[2]))
		return n;
	t->refusal = (line[0] - '0') * 100 + (line[1] - '0') * 10 +
	    (line[2] - '0');
	for (i = 0; i < n && i < sizeof(t->reply) - 1; i++) {
		unsigned char c = (unsigned char)line[i];

		t->reply[i] = c < 0x20 || c >= 0x7f ? ' ' : (char)c;
	}
	while (i > 0 && t->reply[i - 1] == ' ')
		i--;
	t->reply[i] = '\0';
	return n;
}

/*
 * Whether MAIL FROM was said tells the relay's faults from the message's.
 * AUTH passes here too: nothing is kept.
 */
static int
watch_commands(CURL *easy, curl_infotype type, char *data, size_t n,
    void *arg)
{
	struct transfer *t = arg;

	(void)easy;
	if (type == CURLINFO_HEADER_OUT && n > 5 &&
	    memcmp(data, "MAIL ", 5) == 0)
		t->mail_begun = true;
	return 0;
}

static int
on_progress(void *arg, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
	struct transfer *t = arg;

	(void)a, (void)b, (void)c, (void)d;
	return t->stop && t->stop(t->arg);
}

/* A literal IPv6 address wants brackets in a URL. */
static bool
url_set(CURLU *url, const struct transfer_options *o)
{
	bool tls = o->tls && o->port == IMPLICIT_TLS_PORT;
	char host[300], port[16];

	if (snprintf(host, sizeof(host), strchr(o->host, ':') ? "[%s]" : "%s",
	    o->host) >= (int)sizeof(host))
		return false;
	snprintf(port, sizeof(port), "%ld", o->port);
	return !curl_url_set(url, CURLUPART_SCHEME, tls ? "smtps" : "smtp", 0) &&
	    !curl_url_set(url, CURLUPART_HOST, host, 0) &&
	    !curl_url_set(url, CURLUPART_PORT, port, 0);
}

static void
set_callbacks(struct transfer *t)
{
	CURL *e = t->easy;

	curl_easy_setopt(e, CURLOPT_READFUNCTION, read_body);
	curl_easy_setopt(e, CURLOPT_READDATA, t);
	curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, read_reply);
	curl_easy_setopt(e, CURLOPT_HEADERDATA, t);
	/* WRITEFUNCTION gets the text of a reply to NOOP. */
	curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, read_reply);
	curl_easy_setopt(e, CURLOPT_WRITEDATA, t);
	curl_easy_setopt(e, CURLOPT_DEBUGFUNCTION, watch_commands);
	curl_easy_setopt(e, CURLOPT_DEBUGDATA, t);
	curl_easy_setopt(e, CURLOPT_VERBOSE, 1L);
	curl_easy_setopt(e, CURLOPT_XFERINFOFUNCTION, on_progress);
	curl_easy_setopt(e, CURLOPT_XFERINFODATA, t);
	curl_easy_setopt(e, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(e, CURLOPT_ERRORBUFFER, t->error);
}

static void
set_options(struct transfer *t, const struct transfer_options *o)
{
	CURL *e = t->easy;

	curl_easy_setopt(e, CURLOPT_CURLU, t->url);
	curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
	curl_easy_setopt(e, CURLOPT_PROXY, "");
	curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS);
	curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, TOTAL_MS);
	curl_easy_setopt(e, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(e, CURLOPT_SSL_VERIFYPEER, 1L);
	curl_easy_setopt(e, CURLOPT_SSL_VERIFYHOST, 2L);
	curl_easy_setopt(e, CURLOPT_USE_SSL,
	    (long)(o->tls ? CURLUSESSL_ALL : CURLUSESSL_NONE));
	if (o->ca_file && *o->ca_file) {
		curl_easy_setopt(e, CURLOPT_CAINFO, o->ca_file);
		curl_easy_setopt(e, CURLOPT_CAPATH, NULL);
	}
	if (o->user && *o->user) {
		curl_easy_setopt(e, CURLOPT_USERNAME, o->user);
		curl_easy_setopt(e, CURLOPT_PASSWORD, o->password);
	}
	set_callbacks(t);
}

struct transfer *
transfer_new(const struct transfer_options *o)
{
	struct transfer *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return NULL;
	t->stop = o->stop;
	t->arg = o->arg;
	t->easy = curl_easy_init();
	t->url = curl_url();
	if (t->easy == NULL || t->url == NULL || !url_set(t->url, o)) {
		transfer_free(&t);
		return NULL;
	}
	set_options(t, o);
	return t;
}

void
transfer_free(struct transfer **tp)
{
	struct transfer *t = *tp;

	if (t == NULL)
		return;
	curl_easy_cleanup(t->easy);
	curl_url_cleanup(t->url);
	free(t);
	*tp = NULL;
}

/* Did the relay show itself, but not as the one that is meant? */
static bool
is_untrusted(CURLcode rc)
{
	switch (rc) {
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_CIPHER:
	case CURLE_SSL_ISSUER_ERROR:
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_USE_SSL_FAILED:
	case CURLE_LOGIN_DENIED:
	case CURLE_NOT_BUILT_IN:
		return true;
	default:
		return false;
	}
}

static enum transfer_end
judge(const struct transfer *t, CURLcode rc)
{
	if (rc == CURLE_OK)
		return TRANSFER_DONE;
	if (rc == CURLE_ABORTED_BY_CALLBACK)
		return TRANSFER_STOPPED;
	if (!t->mail_begun)
		return is_untrusted(rc) ? TRANSFER_UNTRUSTED :
		    TRANSFER_UNREACHABLE;
	/* 421: the relay closes, whatever the message (RFC 5321 3.8). */
	return t->refusal && t->refusal != 421 ? TRANSFER_REFUSED :
	    TRANSFER_LOST;
}

static void
perform(struct transfer *t, struct transfer_result *out)
{
	CURLcode rc;

	memset(out, 0, sizeof(*out));
	t->sent = 0;
	t->mail_begun = t->body_begun = false;
	t->refusal = 0;
	t->error[0] = t->reply[0] = '\0';
	rc = curl_easy_perform(t->easy);
	curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &out->code);
	if (t->refusal)
		out->code = t->refusal;
	out->end = judge(t, rc);
	out->maybe_sent = t->body_begun && out->end != TRANSFER_REFUSED;
	if (out->end == TRANSFER_REFUSED)
		snprintf(out->reason, sizeof(out->reason), "%s", t->reply);
	else if (out->end != TRANSFER_DONE)
		snprintf(out->reason, sizeof(out->reason), "%s",
		    t->error[0] ? t->error : curl_easy_strerror(rc));
}

/* Back to what both kinds of transfer start from. */
static void
set_kind(struct transfer *t, bool mail)
{
	CURL *e = t->easy;

	curl_easy_setopt(e, CURLOPT_NOBODY, mail ? 0L : 1L);
	curl_easy_setopt(e, CURLOPT_UPLOAD, mail ? 1L : 0L);
	curl_easy_setopt(e, CURLOPT_CUSTOMREQUEST, mail ? NULL : "NOOP");
	curl_easy_setopt(e, CURLOPT_MAIL_FROM, NULL);
	curl_easy_setopt(e, CURLOPT_MAIL_RCPT, NULL);
	curl_easy_setopt(e, CURLOPT_FRESH_CONNECT, 0L);
	curl_easy_setopt(e, CURLOPT_INFILESIZE_LARGE, (curl_off_t)-1);
}

void
transfer_mail(struct transfer *t, struct arena *a, struct str from,
    struct str to, struct str message, struct transfer_result *out)
{
	const char *rcpt = arena_fmt(a, "<%.*s>", STR_FMT(to)).p;
	const char *sender = arena_fmt(a, "<%.*s>", STR_FMT(from)).p;
	struct curl_slist *list = curl_slist_append(NULL, rcpt);

	if (list == NULL) {
		log_error("out of memory", log_c("what", "curl_slist"));
		exit(70);
	}
	set_kind(t, true);
	curl_easy_setopt(t->easy, CURLOPT_MAIL_FROM, sender);
	curl_easy_setopt(t->easy, CURLOPT_MAIL_RCPT, list);
	curl_easy_setopt(t->easy, CURLOPT_INFILESIZE_LARGE,
	    (curl_off_t)message.n);
	t->body = message;
	perform(t, out);
	if (out->end == TRANSFER_LOST && !out->maybe_sent) {
		curl_easy_setopt(t->easy, CURLOPT_FRESH_CONNECT, 1L);
		perform(t, out);
	}
	curl_easy_setopt(t->easy, CURLOPT_MAIL_RCPT, NULL);
	curl_slist_free_all(list);
	t->body = STR_NONE;
}

void
transfer_probe(struct transfer *t, struct transfer_result *out)
{
	set_kind(t, false);
	t->body = STR_NONE;
	perform(t, out);
}
