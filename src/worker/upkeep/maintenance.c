#include "worker/upkeep/maintenance.h"

#include "base/clock.h"
#include "base/log.h"

#define BATCH 500
#define LOOK_EVERY (10 * CLOCK_SECOND)

static const enum query steps[] = {
	Q_CLEAN_SESSIONS, /* first: session.cleanup switches it off */
	Q_CLEAN_ONE_TIME,
	Q_CLEAN_REGISTRATIONS,
	Q_CLEAN_FACTOR_CODES,
	Q_CLEAN_CHALLENGES,
	Q_CLEAN_LOGIN_PLACES,
	Q_CLEAN_ATTEMPTS,
	Q_CLEAN_SESSION_CHANGES,
	Q_CLEAN_IDEMPOTENCY,
	Q_CLEAN_JOBS_DONE,
	Q_CLEAN_JOBS_FAILED,
	Q_CLEAN_WEBHOOK_DELIVERIES,
	Q_CLEAN_WEBHOOK_HOSTS,
	Q_CLEAN_KAFKA_DEAD,
	Q_CLEAN_KAFKA_LEFT,
	Q_CLEAN_RECOVERY_REQUESTS,
	Q_CLEAN_ERASED,
};

#define STEPS (sizeof(steps) / sizeof(steps[0]))

static void
ask_for_turn(struct maintenance *m, struct db *db, struct arena *a,
    const struct config *c)
{
	int64_t now = clock_mono();
	struct rows *r = NULL;

	if (now < m->look_at)
		return;
	m->look_at = now + LOOK_EVERY;
	if (db_exec(db, a, Q_CRON_CLAIM, &r, A_TEXT("maintenance"),
	    A_INT(c->session_cleanup_interval)) != E_OK || r->n == 0)
		return;
	m->running = true;
	m->deleted = 0;
	m->step = c->session_cleanup ? 0 : 1;
}

bool
maintenance_step(struct maintenance *m, struct db *db, struct arena *a,
    const struct config *c)
{
	struct rows *r = NULL;

	if (!m->running) {
		ask_for_turn(m, db, a, c);
		return m->running;
	}
	switch (db_exec(db, a, steps[m->step], &r, A_INT(BATCH))) {
	case E_OK:
		m->deleted += (int64_t)r->n;
		m->step += r->n < BATCH;
		break;
	case E_UNAVAILABLE: /* go on when it is back */
		return false;
	default: /* logged; the others need not wait for it */
		m->step++;
	}
	if (m->step < STEPS)
		return true;
	m->running = false;
	log_info("maintenance done", log_i("rows", m->deleted));
	return false;
}
