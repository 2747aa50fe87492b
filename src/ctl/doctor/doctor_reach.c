#include "ctl/doctor/doctor_reach.h"

#include "base/clock.h"
#include "base/email.h"
#include "base/encoding.h"
#include "base/json/json.h"
#include "worker/mail/mail_compose.h"
#include "worker/mail/mailer.h"
#include "worker/webclient/webclient.h"

#define WAIT (35 * CLOCK_SECOND) /* more than a transfer may take */
#define STEP_MS 100
#define DEPTH 4

/* What to look at, by the words of libcurl and of the relay. */
static const char *
advice(const struct smtp_result *r)
{
	if (r->end == SMTP_UNREACHABLE)
		return "look at smtp.host and smtp.port, and whether a "
		    "firewall stands between";
	if (r->end == SMTP_UNTRUSTED && strstr(r->reason, "STARTTLS"))
		return "smtp.tls wants TLS and the relay has none; set "
		    "smtp.tls to false where nobody else can listen";
	if (r->end == SMTP_UNTRUSTED && (strstr(r->reason, "SSL") ||
	    strstr(r->reason, "certificate")))
		return "TLS failed; look at smtp.host, which the certificate "
		    "must name, and at smtp.ca_file";
	if (r->end == SMTP_UNTRUSTED)
		return "look at smtp.user and smtp.password";
	if (r->end == SMTP_REFUSED)
		return "the relay does not want this mail; look at smtp.from "
		    "and at whom it serves";
	return "look at the log of the relay";
}

static enum finding
judge_relay(struct arena *a, const struct config *c,
    const struct smtp_result *r, struct str *detail)
{
	*detail = r->end == SMTP_DONE ?
	    arena_fmt(a, "%s port %ld, %s%s", c->smtp_host, c->smtp_port,
		c->smtp_tls ? "by TLS" : "without TLS: smtp.tls is false",
		!r->unasked ? "" : ", but it offers no AUTH and smtp.user is "
		"not told to it: empty smtp.user where it takes mail from "
		"this host, else look at smtp.port and smtp.tls") :
	    arena_fmt(a, "%s port %ld: %s; %s", c->smtp_host, c->smtp_port,
		r->reason[0] ? r->reason : "no answer in time", advice(r));
	if (r->end == SMTP_DONE)
		return r->unasked ? WARNING : FINE;
	return r->end == SMTP_UNREACHABLE ? WARNING : FAULT;
}

/* Wait until the relay has ended the transfer; or give it up. */
static struct smtp_result
finish_pool(struct smtp_pool *t)
{
	struct smtp_result r = { .end = SMTP_STOPPED };
	int64_t until = clock_mono() + WAIT;

	while (!smtp_next(t, &r) && clock_mono() < until)
		smtp_work(t, NULL, STEP_MS);
	smtp_abandon(t);
	return r;
}

static struct smtp_pool *
open_relay(const struct config *c)
{
	struct smtp_options o = mailer_relay(c);

	o.connections = 1;
	smtp_init();
	return smtp_new(&o);
}

/* m NULL: only a look. */
static enum finding
ask_relay(struct arena *a, const struct config *c,
    const struct smtp_mail *m, bool *done, struct str *detail)
{
	struct smtp_pool *t = open_relay(c);
	struct smtp_result r;

	*done = false;
	if (t == NULL) {
		*detail = STR("smtp.host is not a host name");
		return FAULT;
	}
	if (m)
		smtp_add(t, m);
	else
		smtp_probe(t, NULL);
	r = finish_pool(t);
	smtp_free(&t);
	*done = r.end == SMTP_DONE;
	return judge_relay(a, c, &r, detail);
}

enum finding
doctor_reach_relay(struct arena *a, const struct config *c, struct str *detail)
{
	bool done;

	return ask_relay(a, c, NULL, &done, detail);
}

enum finding
doctor_reach_mail(struct arena *a, const struct config *c, struct str address,
    bool *sent, struct str *detail)
{
	struct smtp_mail m = { .to = address,
		.before = clock_mono() + WAIT };
	cJSON *payload = json_object();
	struct mail_sender sender;
	struct mail mail;
	const char *why = "it is no address";

	*sent = false;
	json_add_str(payload, "template", STR("test"));
	json_add_str(payload, "to", address);
	if (!email_ok(address) || !mail_sender(a, c, &sender, &why) ||
	    mail_compose(a, &sender, uuid_text(a, uuid_v7()), clock_wall(),
	    json_print(a, payload), &mail, &why) != E_OK) {
		*detail = arena_fmt(a, "%.*s: %s", STR_FMT(address), why);
		return FAULT;
	}
	m.from = sender.address;
	m.message = mail.message;
	return ask_relay(a, c, &m, sent, detail);
}

/* The operator's own choice, whatever address that has. */
static bool
allow_any_address(void *arg, const struct net_addr *addr)
{
	(void)arg;
	(void)addr;
	return true;
}

/*
 * Send a token that is none: the service answers TOKEN_INVALID when it saw the
 * header, UNAUTHORIZED when the header was dropped.
 */
static bool
post(const char *url, struct webclient_answer *answer)
{
	static const char *const headers[] = {
		"Content-Type: application/json",
		"Authorization: Bearer posternctl-doctor", NULL };
	const struct webclient_pool_options o = { .slots = 1, .ca_file = "",
		.allow = allow_any_address };
	const struct webclient_post p = { .url = url, .headers = headers,
		.body = STR("{}") };
	int64_t until = clock_mono() + WAIT;
	struct webclient_pool *pool;
	bool ended = false;

	smtp_init();
	pool = webclient_pool_new(&o);
	if (pool && webclient_pool_start(pool, &p))
		while (!(ended = webclient_pool_next(pool, answer)) &&
		    clock_mono() < until)
			webclient_poller_work(pool, STEP_MS, NULL);
	webclient_pool_free(&pool);
	return ended;
}

static struct str
code_of(struct arena *a, const struct webclient_answer *answer)
{
	cJSON *o = NULL;

	if (json_parse(a, str_of(answer->body), DEPTH, &o, NULL) != E_OK)
		return STR_NONE;
	return json_text(json_get(o, "code"));
}

static enum finding
judge_web(struct arena *a, const struct webclient_answer *w, const char **what)
{
	struct str code = code_of(a, w);

	if (w->status == 0)
		*what = "no answer; look at service.public_url, at the web "
		    "server and at its certificate";
	else if (w->status == 401 && str_eq(code, STR("TOKEN_INVALID")))
		*what = "answers, and Authorization arrives";
	else if (w->status == 401 && str_eq(code, STR("UNAUTHORIZED")))
		*what = "answers, but the web server keeps Authorization to "
		    "itself and nobody can be logged in: Apache wants "
		    "CGIPassAuth On, HAProxy pass-header authorization";
	else if (w->status >= 502 && w->status <= 504)
		*what = "the web server is there, Postern is not: is it "
		    "started, and may the web server open its socket?";
	else
		*what = "something else answers; where that is meant, pages "
		    "of your own say, this cannot be looked at; else look at "
		    "service.public_url and service.base_path";
	return w->status != 401 || code.n == 0 ? WARNING :
	    str_eq(code, STR("TOKEN_INVALID")) ? FINE : FAULT;
}

enum finding
doctor_reach_web(struct arena *a, const struct config *c, struct str *detail)
{
	struct str base = str_of(c->public_url), path = str_of(c->base_path);
	struct webclient_answer w = { .status = 0 };
	const char *what, *url;
	enum finding f;

	while (str_ends(base, STR("/")))
		base.n--;
	if (str_ends(base, path))
		path = STR("");
	url = arena_fmt(a, "%.*s%.*s/api/v1/auth/logout", STR_FMT(base),
	    STR_FMT(path)).p;
	(void)post(url, &w);
	f = judge_web(a, &w, &what);
	*detail = w.status ? arena_fmt(a, "%.*s: %ld, %s", STR_FMT(base),
	    w.status, what) : arena_fmt(a, "%.*s: %s", STR_FMT(base), what);
	return f;
}
