#include "worker/webhook/webhook_delivery.h"

#include "base/backoff.h"
#include "base/clock.h"

#define SLOW_DOWN (10 * CLOCK_SECOND) /* after 429, 502, 504 */

/* Row WH9: after the first failure 5 s, and so on; ± 20 %. */
static const int64_t delays[WEBHOOK_TRIES - 1] = {
	5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400
};

static int64_t
delay_after(int failures)
{
	return backoff_about(CLOCK_SECOND * delays[failures <
	    WEBHOOK_TRIES - 1 ? failures : WEBHOOK_TRIES - 2]);
}

static struct webhook_outcome
outcome_for(struct arena *a, const struct delivery *d)
{
	int64_t now = clock_wall();

	return (struct webhook_outcome){
		.id = arena_str(a, d->id), .batch = d->batch,
		.number = d->number,
		.begun_at = now, .ended_at = now,
	};
}

void
webhook_outcome_refused(struct arena *a, const struct delivery *d,
    const char *error,
    struct webhook_outcome *out)
{
	*out = outcome_for(a, d);
	out->state = "dead";
	out->what = WEBHOOK_OUTCOME_OURS;
	out->error = error;
}

void
webhook_outcome_interrupted(struct arena *a, const struct delivery *d,
    const char *error, int64_t delay, struct webhook_outcome *out)
{
	*out = outcome_for(a, d);
	out->state = "ready";
	out->what = WEBHOOK_OUTCOME_OURS;
	out->error = error;
	out->delay = delay;
}

void
webhook_outcome_unstarted(struct arena *a, const struct delivery *d,
    struct webhook_outcome *out)
{
	*out = outcome_for(a, d);
	out->state = "ready";
	out->what = WEBHOOK_OUTCOME_BACK;
}

void
webhook_outcome_of_answer(struct arena *a, const struct delivery *d,
    const struct webclient_answer *answer, struct webhook_outcome *out)
{
	long status = answer->status;

	*out = outcome_for(a, d);
	out->status = status;
	out->error = answer->reason;
	out->begun_at -= answer->took;
	out->response = arena_str(a, str_of(answer->body));
	if (answer->reason == NULL) {
		out->state = "done";
		return;
	}
	out->what = WEBHOOK_OUTCOME_FAILED;
	out->gone = status == 410;
	out->state = out->gone || d->failures + 1 >= WEBHOOK_TRIES ?
	    "dead" : "ready";
	out->delay = delay_after(d->failures);
	if (answer->retry_after > out->delay)
		out->delay = answer->retry_after;
	out->pause = answer->retry_after;
	if (out->pause == 0 &&
	    (status == 429 || status == 502 || status == 504))
		out->pause = SLOW_DOWN;
}
