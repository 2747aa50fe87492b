#include "queue/mailer.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "queue/circuit.h"
#include "queue/mail.h"
#include "queue/transfer.h"

#define LOST_MAX (30 * CLOCK_SECOND)

struct mailer {
	struct queue *queue;
	struct arena *arena; /* of the settings below */
	struct mail_sender sender;
	struct transfer *transfer; /* NULL: there is no relay */
	struct circuit circuit;
};

static bool
connect_relay(struct mailer *m, const struct config *c,
    bool (*stop)(void *arg), void *arg)
{
	struct transfer_options o = {
		.host = c->smtp_host,
		.port = c->smtp_port,
		.user = c->smtp_user,
		.password = c->smtp_password,
		.tls = c->smtp_tls,
		.ca_file = c->smtp_ca,
		.stop = stop,
		.arg = arg,
	};

	if (*c->smtp_host == '\0') {
		log_warn("smtp.host is empty: mail stays in the queue");
		return true;
	}
	if (*c->smtp_user && !c->smtp_tls)
		log_warn("smtp.tls is off: the relay's password travels "
		    "in the clear");
	transfer_init();
	m->transfer = transfer_new(&o);
	if (m->transfer == NULL)
		log_error("smtp.host is not a host name");
	return m->transfer != NULL;
}

struct mailer *
mailer_new(const struct config *c, struct queue *q, bool (*stop)(void *arg),
    void *arg)
{
	struct mailer *m = calloc(1, sizeof(*m));
	const char *why;

	if (m == NULL)
		return NULL;
	m->queue = q;
	m->arena = arena_new(0);
	if (!mail_sender(m->arena, c, &m->sender, &why)) {
		log_error("mail is not configured", log_c("why", why));
		mailer_free(&m);
		return NULL;
	}
	if (!connect_relay(m, c, stop, arg))
		mailer_free(&m);
	return m;
}

void
mailer_free(struct mailer **mp)
{
	struct mailer *m = *mp;

	if (m == NULL)
		return;
	transfer_free(&m->transfer);
	arena_free(&m->arena);
	free(m);
	*mp = NULL;
}

bool
mailer_ready(const struct mailer *m)
{
	return m->transfer && !m->circuit.open;
}

/* The relay is not there; said once, not at every probe. */
static void
relay_failed(struct mailer *m, const struct transfer_result *r)
{
	if (!m->circuit.open)
		log_error("the mail relay does not work for us",
		    log_c("why", r->reason), log_i("code", r->code));
	circuit_fail(&m->circuit, clock_mono(), r->end == TRANSFER_UNTRUSTED);
}

void
mailer_probe(struct mailer *m)
{
	struct transfer_result r;

	if (m->transfer == NULL || !circuit_due(&m->circuit, clock_mono()))
		return;
	transfer_probe(m->transfer, &r);
	if (r.end != TRANSFER_DONE)
		relay_failed(m, &r);
	else if (circuit_close(&m->circuit))
		log_info("the mail relay is back");
}

static void
bury(struct mailer *m, struct arena *a, const struct job *j,
    const char *reason, const char *logged)
{
	log_error("mail is a dead letter", log_s("job", j->id),
	    log_i("attempts", j->attempts), log_c("why", logged));
	job_bury(m->queue, a, j, reason);
}

static void
retry(struct mailer *m, struct arena *a, const struct job *j, int64_t delay,
    const struct transfer_result *r)
{
	log_warn("mail will be tried again", log_s("job", j->id),
	    log_i("attempts", j->attempts), log_i("code", r->code),
	    log_i("delay_ms", delay / CLOCK_MS));
	job_retry(m->queue, a, j, delay, false, r->reason);
}

/* The connection ended in the midst: soon again, for others work on. */
static void
lost(struct mailer *m, struct arena *a, const struct job *j,
    const struct transfer_result *r)
{
	int64_t delay = j->attempts < 6 ?
	    CLOCK_SECOND << (j->attempts - 1) : LOST_MAX;

	relay_failed(m, r);
	retry(m, a, j, delay, r);
}

/*
 * The relay's own words may hold the address: they go into the row, the code
 * alone goes into the log.
 */
static void
refused(struct mailer *m, struct arena *a, const struct job *j,
    const struct transfer_result *r)
{
	char logged[64];

	snprintf(logged, sizeof(logged), "refused with %ld", r->code);
	if (r->code >= 500)
		bury(m, a, j, r->reason, logged);
	else
		retry(m, a, j, job_backoff(j->attempts), r);
}

static void
record(struct mailer *m, struct arena *a, const struct job *j,
    const struct mail *mail, const struct transfer_result *r)
{
	switch (r->end) {
	case TRANSFER_DONE:
		if (job_done(m->queue, a, j) == E_OK)
			log_info("mail sent", log_s("job", j->id),
			    log_s("template", mail->template),
			    log_i("attempts", j->attempts));
		else
			log_error("mail sent, but not recorded",
			    log_s("job", j->id));
		break;
	case TRANSFER_UNREACHABLE:
	case TRANSFER_UNTRUSTED:
		relay_failed(m, r);
		job_retry(m->queue, a, j, 0, true, r->reason);
		break;
	case TRANSFER_REFUSED:
		refused(m, a, j, r);
		break;
	case TRANSFER_LOST:
		lost(m, a, j, r);
		break;
	case TRANSFER_STOPPED:
		job_retry(m->queue, a, j, 0, !r->maybe_sent,
		    "the worker was stopped");
		break;
	}
}

static void
send_mail(struct mailer *m, struct arena *a, struct job *j)
{
	struct transfer_result r;
	struct mail mail;
	const char *why;

	json_use(a);
	if (!mail_compose(a, &m->sender, j->id, j->created_at, j->payload,
	    &mail, &why)) {
		bury(m, a, j, why, why);
		return;
	}
	switch (job_begin(m->queue, a, j)) {
	case E_OK:
		break;
	case E_CONFLICT: /* another worker's, or expired since the claim */
		return;
	default: /* no trace, no send (row RE4); its lease runs out */
		return;
	}
	transfer_mail(m->transfer, a, m->sender.address, mail.to,
	    mail.message, &r);
	record(m, a, j, &mail, &r);
}

void
mailer_work(struct mailer *m, struct arena *a, struct job *j)
{
	if (j->expired) {
		log_warn("mail expired before it could be sent",
		    log_s("job", j->id), log_i("attempts", j->attempts));
		job_expire(m->queue, a, j);
	} else if (j->attempts >= j->max_attempts) {
		bury(m, a, j, "tried too often", "tried too often");
	} else if (job_open(m->queue, a, j) != E_OK) {
		bury(m, a, j, "the payload cannot be unsealed",
		    "the payload cannot be unsealed");
	} else {
		send_mail(m, a, j);
	}
}
