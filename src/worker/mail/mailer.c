#include "worker/mail/mailer.h"

#include <poll.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "worker/circuit.h"
#include "worker/mail/mail_lease.h"

#define ENDED_MS 5 /* wait no longer when an end is to be written */

struct mailer {
	struct arena *arena; /* of the settings below */
	struct mail_sender sender;
	struct smtp_pool *transfer; /* NULL: there is no relay */
	struct circuit circuit;
	bool probing;
	struct mail_inflight inflight;
	struct mail_lease lease;
};

struct smtp_options
mailer_relay(const struct config *c)
{
	return (struct smtp_options){
		.host = c->smtp_host,
		.port = c->smtp_port,
		.user = c->smtp_user,
		.password = c->smtp_password,
		.tls = c->smtp_tls,
		.ca_file = c->smtp_ca,
		.connections = (int)c->smtp_connections,
	};
}

static bool
connect_relay(struct mailer *m, const struct config *c)
{
	const struct smtp_options o = mailer_relay(c);

	if (*c->smtp_host == '\0') {
		log_warn("smtp.host is empty: mail stays in the queue");
		return true;
	}
	if (*c->smtp_user && !c->smtp_tls)
		log_warn("smtp.tls is off: the relay's password travels "
		    "in the clear");
	smtp_init();
	m->transfer = smtp_new(&o);
	if (m->transfer == NULL)
		log_fatal("smtp.host is not a host name");
	return m->transfer != NULL;
}

struct mailer *
mailer_new(const struct config *c, struct queue *q)
{
	struct mailer *m = memory_new("mail", 1, sizeof(*m));
	const char *why;

	mail_lease_init(&m->lease, q, &m->inflight, (int)c->smtp_connections);
	m->arena = arena_new(0);
	if (!mail_sender(m->arena, c, &m->sender, &why)) {
		log_fatal("mail is not configured", log_c("why", why));
		mailer_free(&m);
		return NULL;
	}
	m->sender.source.templates.cache = template_dir_cache_new();
	if (!connect_relay(m, c)) {
		mailer_free(&m);
		return NULL;
	}
	m->inflight.transfer = m->transfer;
	m->inflight.keys = q->keys;
	m->inflight.sender = &m->sender;
	return m;
}

void
mailer_free(struct mailer **mp)
{
	struct mailer *m = *mp;

	if (m == NULL)
		return;
	smtp_free(&m->transfer);
	template_dir_cache_free(&m->sender.source.templates.cache);
	mail_inflight_shrink(&m->inflight);
	mail_lease_close(&m->lease);
	arena_free(&m->arena);
	free(m);
	*mp = NULL;
}

/* Log that the relay does not answer once, not at every probe. */
static void
relay_failed(struct mailer *m, const struct smtp_result *r)
{
	if (!m->circuit.open)
		log_error("the mail relay does not work for us",
		    log_c("why", r->reason), log_i("code", r->code));
	circuit_fail(&m->circuit, clock_mono(), r->end == SMTP_UNTRUSTED);
}

static void
probed(struct mailer *m, const struct smtp_result *r)
{
	m->probing = false;
	if (r->end == SMTP_STOPPED || r->end == SMTP_UNSENT)
		return;
	if (r->end != SMTP_DONE)
		relay_failed(m, r);
	else if (circuit_close(&m->circuit))
		log_info("the mail relay is back");
}

static void
judge_mail(struct mailer *m, struct mail_item *l, const struct smtp_result *r)
{
	/*
	 * Transfers that failed together with the first one tell nothing new.
	 */
	if (!m->circuit.open && (r->end == SMTP_UNREACHABLE ||
	    r->end == SMTP_UNTRUSTED || r->end == SMTP_LOST))
		relay_failed(m, r);
	mail_inflight_end(&m->inflight, l, r);
}

static void
collect_ended(struct mailer *m)
{
	struct smtp_result r;

	while (m->transfer && smtp_next(m->transfer, &r))
		if (r.arg == NULL)
			probed(m, &r);
		else
			judge_mail(m, r.arg, &r);
}

static void
probe(struct mailer *m)
{
	if (m->probing || !circuit_due(&m->circuit, clock_mono()))
		return;
	m->probing = true;
	smtp_probe(m->transfer, NULL);
}

/* Let the transfers go on. True: an end is to be recorded now. */
static bool
relay_turn(struct mailer *m, int ms)
{
	bool ended = m->inflight.used > m->inflight.open;

	smtp_work(m->transfer, NULL,
	    ended && ms > ENDED_MS ? ENDED_MS : ms);
	collect_ended(m);
	return mail_lease_settle(&m->lease, false);
}

bool
mailer_step(struct mailer *m, bool stopping, int ms)
{
	struct mail_lease *t = &m->lease;
	bool settles;

	if (m->transfer == NULL)
		return false;
	probe(m);
	if (stopping)
		smtp_halt(m->transfer);
	else if (!m->circuit.open)
		mail_lease_claim(t);
	collect_ended(m);
	/*
	 * Postgres records the ends while we make messages of the claimed jobs.
	 */
	settles = mail_lease_settle(t, false);
	mail_lease_take(t);
	if (settles || relay_turn(m, ms))
		mail_lease_settled(t);
	return m->inflight.used > 0 || (!stopping && (m->probing ||
	    (t->full && !m->circuit.open)));
}

void
mailer_wait(struct mailer *m, int ms)
{
	int64_t end = clock_mono() + ms * CLOCK_MS;

	while (m->transfer && smtp_busy(m->transfer) && ms > 0) {
		smtp_work(m->transfer, NULL, ms);
		ms = (int)((end - clock_mono()) / CLOCK_MS);
	}
	if (ms > 0)
		poll(NULL, 0, ms);
}

bool
mailer_rest(struct mailer *m)
{
	return m->transfer == NULL || smtp_rest(m->transfer);
}

void
mailer_abandon(struct mailer *m)
{
	if (m->transfer == NULL)
		return;
	smtp_abandon(m->transfer);
	collect_ended(m);
	if (mail_lease_settle(&m->lease, true))
		mail_lease_settled(&m->lease);
}

struct str
mailer_leases(const struct mailer *m, struct arena *a, struct str list)
{
	return mail_inflight_leases(&m->inflight, a, list);
}
