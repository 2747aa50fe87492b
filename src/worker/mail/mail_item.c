#include "worker/mail/mail_item.h"

#include <stdio.h>

#include "base/backoff.h"
#include "base/clock.h"
#include "base/json/json.h"
#include "base/log.h"

#define LOST_MAX (30 * CLOCK_SECOND)

static void
ends(struct mail_item *l, struct job_end end)
{
	l->end = end;
	l->ended = true;
}

static void
bury_mail(struct mail_item *l, bool tried, const char *reason,
    const char *logged)
{
	log_error("mail is a dead letter", log_s("job", l->job.id),
	    log_i("attempts", l->job.attempts), log_c("why", logged));
	ends(l, job_end_dead(&l->job, tried, reason));
}

static void
expire_mail(struct mail_item *l)
{
	log_warn("mail expired before it could be sent",
	    log_s("job", l->job.id), log_i("attempts", l->job.attempts));
	ends(l, job_end_expired(&l->job));
}

static void
retry_mail(struct mail_item *l, int64_t delay, const char *why)
{
	log_warn("mail will be tried again", log_s("job", l->job.id),
	    log_i("attempts", l->job.attempts), log_c("why", why),
	    log_i("delay_ms", delay / CLOCK_MS));
	ends(l, job_end_retry(&l->job, delay, false, why));
}

bool
mail_item_fill(struct mail_item *l, const struct job *claimed,
    const struct keyring *k, const struct mail_sender *s)
{
	const char *why = "the payload cannot be unsealed";
	struct job *j = &l->job;
	enum err e;

	l->job = job_copy(l->arena, claimed);
	if (j->expired) {
		expire_mail(l);
		return false;
	}
	if (j->spent) {
		bury_mail(l, false, "tried too often", "tried too often");
		return false;
	}
	json_use(l->arena);
	e = job_open(k, l->arena, j);
	if (e == E_OK)
		e = mail_compose(l->arena, s, j->id, j->created_at,
		    j->payload, &l->mail, &why);
	if (e == E_UNAVAILABLE)
		retry_mail(l, job_backoff(j->attempts), why);
	else if (e != E_OK)
		bury_mail(l, false, why, why);
	return e == E_OK;
}

static void
retry(struct mail_item *l, int64_t delay, bool free,
    const struct smtp_result *r)
{
	log_warn("mail will be tried again", log_s("job", l->job.id),
	    log_i("attempts", l->job.attempts), log_i("code", r->code),
	    log_i("delay_ms", delay / CLOCK_MS));
	ends(l, job_end_retry(&l->job, delay, free, r->end ==
	    SMTP_STOPPED ? "the worker was stopped" :
	    arena_cstr(l->arena, str_of(r->reason))));
}

/*
 * The relay's words may contain the address: the row keeps them, the log gets
 * only the code.
 */
static void
mail_refused(struct mail_item *l, const struct smtp_result *r)
{
	char logged[64];

	snprintf(logged, sizeof(logged), "refused with %ld", r->code);
	if (r->code >= 500)
		bury_mail(l, true, arena_cstr(l->arena, str_of(r->reason)),
		    logged);
	else
		retry(l, job_backoff(l->job.attempts), false, r);
}

/*
 * The connection broke during the transfer. Try again soon: other connections
 * still work.
 */
static void
lost(struct mail_item *l, const struct smtp_result *r)
{
	retry(l, backoff_after(l->job.attempts - 1, CLOCK_SECOND, LOST_MAX),
	    false, r);
}

/* The transfer never began: the mail is too late, or the queue was cleared. */
static void
unsent(struct mail_item *l)
{
	if (clock_mono() >= l->job.expires)
		expire_mail(l);
	else
		ends(l, job_end_unsent(&l->job));
}

void
mail_item_judge(struct mail_item *l, const struct smtp_result *r)
{
	switch (r->end) {
	case SMTP_DONE:
		ends(l, job_end_done(&l->job));
		break;
	case SMTP_UNREACHABLE:
	case SMTP_UNTRUSTED:
		retry(l, 0, true, r);
		break;
	case SMTP_REFUSED:
		mail_refused(l, r);
		break;
	case SMTP_LOST:
		lost(l, r);
		break;
	case SMTP_STOPPED:
		retry(l, 0, !r->maybe_sent, r);
		break;
	case SMTP_UNSENT:
	case SMTP_LATE:
		unsent(l);
		break;
	}
}

void
mail_item_report(const struct mail_item *l, bool ours)
{
	if (strcmp(l->end.state, "done") != 0)
		return;
	if (ours)
		log_info("mail sent", log_s("job", l->job.id),
		    log_s("template", l->mail.template),
		    log_i("attempts", l->job.attempts));
	else
		log_error("mail sent, but not recorded",
		    log_s("job", l->job.id));
}
