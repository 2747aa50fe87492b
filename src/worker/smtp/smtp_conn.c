#include "worker/smtp/smtp_conn.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/text.h"
#include "worker/webclient/webclient_option.h"
#include "worker/webclient/webclient_trust.h"

#define CONNECT_MS 5000L
#define TOTAL_MS 30000L
#define IMPLICIT_TLS_PORT 465 /* RFC 8314 3.3 */
#define PATH_MAX_SMTP 320     /* "<address>" */

static size_t
read_mail_body(char *to, size_t size, size_t count, void *arg)
{
	struct smtp_conn *s = arg;
	size_t room, left = s->body.n - s->sent;

	s->body_begun = true;
	if (__builtin_mul_overflow(size, count, &room))
		return CURL_READFUNC_ABORT;
	if (left > room)
		left = room;
	memcpy(to, s->body.p + s->sent, left);
	s->sent += left;
	return left;
}

/*
 * A line of the answer to EHLO, of which the one with TLS comes last. Without
 * AUTH in it libcurl goes on, as if nobody were to log in (RFC 4954 4).
 */
static void
note_offer(struct smtp_conn *s, struct str line)
{
	if (s->mail_begun || !str_starts(line, STR("250")))
		return;
	line = str_trim(str_slice(line, 4, line.n));
	if (str_eq_nocase(str_slice(line, 0, 4), STR("AUTH")))
		s->auth_offered = true;
}

/*
 * libcurl hands over each line that the relay says, also the reply to QUIT
 * after a refusal: the first refusal counts.
 */
static size_t
read_reply(char *line, size_t size, size_t count, void *arg)
{
	struct smtp_conn *s = arg;
	size_t n = size * count, i;

	note_offer(s, (struct str){ line, n });
	if (!s->mail_begun || s->refusal || n < 4 ||
	    (line[0] != '4' && line[0] != '5') || !text_is_digit(line[1]) ||
	    !text_is_digit(line[2]))
		return n;
	s->refusal = (line[0] - '0') * 100 + (line[1] - '0') * 10 +
	    (line[2] - '0');
	for (i = 0; i < n && i < sizeof(s->reply) - 1; i++) {
		unsigned char c = (unsigned char)line[i];

		s->reply[i] = c < 0x20 || c >= 0x7f ? ' ' : (char)c;
	}
	while (i > 0 && s->reply[i - 1] == ' ')
		i--;
	s->reply[i] = '\0';
	return n;
}

/*
 * Connection, TLS and AUTH are done, and MAIL FROM comes next. This point
 * separates the relay's faults from the message's.
 */
static int
on_ready(void *arg, char *peer, char *own, int peer_port, int own_port)
{
	struct smtp_conn *s = arg;

	(void)peer, (void)own, (void)peer_port, (void)own_port;
	s->mail_begun = !s->probing;
	return CURL_PREREQFUNC_OK;
}

/* A literal IPv6 address needs brackets in a URL. */
CURLU *
smtp_conn_url(const struct smtp_options *o)
{
	bool tls = o->tls && o->port == IMPLICIT_TLS_PORT;
	char host[300], port[16];
	CURLU *url;

	if (snprintf(host, sizeof(host), strchr(o->host, ':') ? "[%s]" : "%s",
	    o->host) >= (int)sizeof(host))
		return NULL;
	snprintf(port, sizeof(port), "%ld", o->port);
	url = curl_url();
	if (url == NULL)
		memory_exhausted("a URL", 0);
	if (!curl_url_set(url, CURLUPART_SCHEME, tls ? "smtps" :
	    "smtp", 0) && !curl_url_set(url, CURLUPART_HOST, host, 0) &&
	    !curl_url_set(url, CURLUPART_PORT, port, 0))
		return url;
	curl_url_cleanup(url);
	return NULL;
}

static void
set_callbacks(struct smtp_conn *s)
{
	CURL *e = s->easy;

	WEBCLIENT_OPTION(e, CURLOPT_READFUNCTION, read_mail_body);
	WEBCLIENT_OPTION(e, CURLOPT_READDATA, s);
	WEBCLIENT_OPTION(e, CURLOPT_HEADERFUNCTION, read_reply);
	WEBCLIENT_OPTION(e, CURLOPT_HEADERDATA, s);
	/* WRITEFUNCTION gets the text of a reply to NOOP. */
	WEBCLIENT_OPTION(e, CURLOPT_WRITEFUNCTION, read_reply);
	WEBCLIENT_OPTION(e, CURLOPT_WRITEDATA, s);
	WEBCLIENT_OPTION(e, CURLOPT_PREREQFUNCTION, on_ready);
	WEBCLIENT_OPTION(e, CURLOPT_PREREQDATA, s);
	WEBCLIENT_OPTION(e, CURLOPT_ERRORBUFFER, s->error);
}

static void
set_options(struct smtp_conn *s, const struct smtp_options *o, CURLU *url)
{
	CURL *e = s->easy;

	WEBCLIENT_OPTION(e, CURLOPT_CURLU, url);
	WEBCLIENT_OPTION(e, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
	WEBCLIENT_OPTION(e, CURLOPT_PROXY, "");
	WEBCLIENT_OPTION(e, CURLOPT_NOSIGNAL, 1L);
	WEBCLIENT_OPTION(e, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS);
	WEBCLIENT_OPTION(e, CURLOPT_TIMEOUT_MS, TOTAL_MS);
	webclient_trust(e, o->ca_file);
	WEBCLIENT_OPTION(e, CURLOPT_USE_SSL,
	    (long)(o->tls ? CURLUSESSL_ALL : CURLUSESSL_NONE));
	if (o->user && *o->user) {
		WEBCLIENT_OPTION(e, CURLOPT_USERNAME, o->user);
		WEBCLIENT_OPTION(e, CURLOPT_PASSWORD, o->password);
	}
	set_callbacks(s);
}

void
smtp_conn_open(struct smtp_conn *s, const struct smtp_options *o, CURLU *url,
    int ends)
{
	*s = (struct smtp_conn){ .entry = -1, .easy = curl_easy_init() };
	if (s->easy == NULL)
		memory_exhausted("a transfer", 0);
	s->named = o->user && *o->user;
	set_options(s, o, url);
	smtp_thread_init(&s->runner, s->easy, ends);
}

void
smtp_conn_close(struct smtp_conn *s)
{
	smtp_conn_unload(s);
	smtp_thread_free(&s->runner);
	s->easy = NULL;
}

static void
set_mail(struct smtp_conn *s, const struct smtp_mail *m)
{
	char to[PATH_MAX_SMTP], from[PATH_MAX_SMTP];

	snprintf(to, sizeof(to), "<%.*s>", STR_FMT(m->to));
	snprintf(from, sizeof(from), "<%.*s>", STR_FMT(m->from));
	s->to = curl_slist_append(NULL, to);
	if (s->to == NULL)
		memory_exhausted("a recipient", 0);
	s->body = m->message;
	WEBCLIENT_OPTION(s->easy, CURLOPT_MAIL_FROM, from);
	WEBCLIENT_OPTION(s->easy, CURLOPT_MAIL_RCPT, s->to);
	WEBCLIENT_OPTION(s->easy, CURLOPT_INFILESIZE_LARGE,
	    (curl_off_t)m->message.n);
}

void
smtp_conn_load(struct smtp_conn *s, const struct smtp_mail *m, bool again)
{
	CURL *e = s->easy;

	smtp_conn_unload(s);
	s->sent = 0;
	s->again = again;
	s->probing = m == NULL;
	s->mail_begun = s->body_begun = false;
	s->refusal = 0;
	s->error[0] = s->reply[0] = '\0';
	s->begun_at = clock_mono();
	WEBCLIENT_OPTION(e, CURLOPT_NOBODY, m ? 0L : 1L);
	WEBCLIENT_OPTION(e, CURLOPT_UPLOAD, m ? 1L : 0L);
	WEBCLIENT_OPTION(e, CURLOPT_CUSTOMREQUEST, m ? NULL : "NOOP");
	WEBCLIENT_OPTION(e, CURLOPT_FRESH_CONNECT, again ? 1L : 0L);
	if (m) {
		set_mail(s, m);
		return;
	}
	WEBCLIENT_OPTION(e, CURLOPT_MAIL_FROM, NULL);
	WEBCLIENT_OPTION(e, CURLOPT_INFILESIZE_LARGE, (curl_off_t)-1);
}

void
smtp_conn_unload(struct smtp_conn *s)
{
	WEBCLIENT_OPTION(s->easy, CURLOPT_MAIL_RCPT, NULL);
	curl_slist_free_all(s->to);
	s->to = NULL;
	s->body = STR_NONE;
}

/* Did a relay answer, but TLS or AUTH fail? */
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

static enum smtp_end
judge_transfer(const struct smtp_conn *s, CURLcode rc)
{
	if (rc == CURLE_OK)
		return SMTP_DONE;
	if (!s->mail_begun)
		return is_untrusted(rc) ? SMTP_UNTRUSTED :
		    SMTP_UNREACHABLE;
	/* 421: the relay closes, whatever the message is (RFC 5321 3.8). */
	return s->refusal && s->refusal != 421 ? SMTP_REFUSED :
	    SMTP_LOST;
}

/* Did we cut the transfer before it was done or refused? */
static bool
was_cut(const struct smtp_conn *s, enum smtp_end end)
{
	return s->runner.cut && end != SMTP_DONE && end != SMTP_REFUSED;
}

void
smtp_conn_judge(const struct smtp_conn *s, CURLcode rc, struct smtp_result *out)
{
	const char *why = s->error[0] ? s->error : curl_easy_strerror(rc);

	curl_easy_getinfo(s->easy, CURLINFO_RESPONSE_CODE, &out->code);
	if (s->refusal)
		out->code = s->refusal;
	out->end = judge_transfer(s, rc);
	if (was_cut(s, out->end))
		out->end = SMTP_STOPPED;
	out->unasked = out->end == SMTP_DONE && s->named && !s->auth_offered;
	out->maybe_sent = s->body_begun && out->end != SMTP_REFUSED;
	if (out->end == SMTP_REFUSED)
		why = s->reply;
	if (out->end != SMTP_DONE)
		snprintf(out->reason, sizeof(out->reason), "%s", why);
}
