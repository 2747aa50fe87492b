#include "worker/upkeep/backlog_alarm.h"

#include "base/clock.h"
#include "base/log.h"
#include "core/outgoing/backlog.h"

#define LOOK_EVERY (5 * CLOCK_SECOND)

void
backlog_alarm_step(struct backlog_alarm *m, struct db *db, struct arena *a,
    const struct config *c)
{
	int64_t now = clock_mono();
	struct backlog b;
	struct rows *r;

	if (now < m->look_at)
		return;
	m->look_at = now + LOOK_EVERY;
	if (backlog_look(db, a, c, &b) != E_OK ||
	    db_run(db, a, SQL(queue_alarm_set, .on = b.alarm), &r) != E_OK ||
	    r->n == 0)
		return;
	log_warn(b.alarm ? "the queue falls behind" :
	    "the queue has caught up",
	    log_i("jobs_due", b.jobs.due),
	    log_i("jobs_oldest_s", b.jobs.oldest / CLOCK_SECOND),
	    log_i("webhooks_due", b.webhooks.due),
	    log_i("webhooks_oldest_s", b.webhooks.oldest / CLOCK_SECOND),
	    log_i("lasted_s", queue_alarm_set_row(r, 0).was_on / CLOCK_SECOND));
}
