#include "worker/upkeep/maintenance.h"

#include "base/clock.h"
#include "base/log.h"

#define BATCH 500
#define LOOK_EVERY (10 * CLOCK_SECOND)

#define STEPS 18

/* Delete one batch of a step. */
static enum err
delete_some(struct db *db, struct arena *a, size_t step, struct rows **out)
{
	const struct statement steps[STEPS] = {
		/* first: session.cleanup switches it off */
		SQL(clean_sessions, .limit = BATCH),
		SQL(clean_one_time, .limit = BATCH),
		SQL(clean_registrations, .limit = BATCH),
		SQL(clean_factor_codes, .limit = BATCH),
		SQL(clean_challenges, .limit = BATCH),
		SQL(clean_login_places, .limit = BATCH),
		SQL(clean_attempts, .limit = BATCH),
		SQL(clean_session_changes, .limit = BATCH),
		SQL(clean_idempotency, .limit = BATCH),
		SQL(clean_jobs_done, .limit = BATCH),
		SQL(clean_jobs_failed, .limit = BATCH),
		SQL(clean_webhook_deliveries, .limit = BATCH),
		SQL(clean_webhook_hosts, .limit = BATCH),
		SQL(clean_kafka_dead, .limit = BATCH),
		SQL(clean_kafka_left, .limit = BATCH),
		SQL(clean_recovery_requests, .limit = BATCH),
		SQL(clean_media, .limit = BATCH),
		SQL(clean_erased, .limit = BATCH),
	};

	return db_run(db, a, steps[step], out);
}

static void
ask_for_turn(struct maintenance *m, struct db *db, struct arena *a,
    const struct config *c)
{
	int64_t now = clock_mono();
	struct rows *r = NULL;

	if (now < m->look_at)
		return;
	m->look_at = now + LOOK_EVERY;
	if (db_run(db, a, SQL(cron_claim, .name = STR("maintenance"),
	    .every = c->session_cleanup_interval), &r) != E_OK || r->n == 0)
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
	switch (delete_some(db, a, m->step, &r)) {
	case E_OK:
		m->deleted += (int64_t)r->n;
		m->step += r->n < BATCH;
		break;
	case E_UNAVAILABLE: /* go on when it is back */
		return false;
	default: /* logged; the other steps go on */
		m->step++;
	}
	if (m->step < STEPS)
		return true;
	m->running = false;
	log_info("maintenance done", log_i("rows", m->deleted));
	return false;
}
