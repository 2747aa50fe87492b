#include "worker/loop.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "core/outgoing/media_url.h"
#include "runtime/notify.h"
#include "worker/events/events_outbox.h"
#include "worker/events/events_publisher.h"
#include "worker/host_lock.h"
#include "worker/job/job.h"
#include "worker/mail/mail_compose.h"
#include "worker/mail/mailer.h"
#include "worker/media/media_nursery.h"
#include "worker/media/media_process.h"
#include "worker/media/media_sweep.h"
#include "worker/sms/sms.h"
#include "worker/upkeep/audit_keep.h"
#include "worker/upkeep/audit_seal.h"
#include "worker/upkeep/backlog_alarm.h"
#include "worker/upkeep/maintenance.h"
#include "worker/wakeup.h"
#include "worker/webhook/webhook_delivery.h"
#include "worker/webhook/webhook_process.h"

#define POLL_MS 1000
#define STEP_MS 20
#define PATIENCE_MS 200
#define GRACE (10 * CLOCK_SECOND) /* row RE12 */
#define REAP_EVERY (5 * CLOCK_SECOND)
#define TAKE_BACK_EVERY CLOCK_SECOND

struct worker {
	const struct config *config;
	struct queue queue;
	struct arena *batch; /* of a claim */
	struct arena *one;   /* of a job */
	struct wakeup wake;
	struct host_lock holder;
	char holder_id[40]; /* uuid text */
	int64_t take_back_at;
	struct mailer *mailer;
	struct sms *sms;
	struct maintenance maintenance;
	struct audit_seal audit_seal;
	struct audit_keep audit_keep;
	struct backlog_alarm alarm;
	struct child courier;
	struct child publisher;
	struct child media;
	struct media_sweep media_sweep;
	bool switched; /* the database was told whether to write events */
	int64_t reap_at;
	int64_t stop_at; /* µs, monotonic; 0: go on */
	const struct loop_reload *reload; /* NULL: only work off what is due */
	bool reloaded;
	bool failed;
};

static volatile sig_atomic_t stop_signal, reload_signal;

static void
on_signal(int sig)
{
	if (sig == SIGHUP)
		reload_signal = sig;
	else
		stop_signal = sig;
}

/* Was a reload asked for, and are the new settings good? */
static bool
reloads(struct worker *w)
{
	if (!reload_signal || w->stop_at)
		return false;
	reload_signal = 0;
	notify_reloading();
	w->reloaded = w->reload->good(w->reload->arg);
	if (!w->reloaded)
		notify_ready();
	return w->reloaded;
}

static void
stop_children(struct worker *w)
{
	child_stop(&w->courier);
	child_stop(&w->publisher);
	child_stop(&w->media);
}

static bool
loop_stopping(struct worker *w)
{
	if (w->stop_at == 0 && (stop_signal || reloads(w))) {
		w->stop_at = clock_mono();
		/* A reload does not say so: the manager would end us. */
		if (!w->reloaded)
			notify_stopping();
		stop_children(w);
	}
	return w->stop_at != 0;
}

/* Is it time to give up even what is under way? */
static bool
loop_out_of_time(struct worker *w)
{
	notify_alive();
	return loop_stopping(w) && clock_mono() - w->stop_at >= GRACE;
}

static bool
loop_patience(void *arg)
{
	struct worker *w = arg;

	if (loop_out_of_time(w))
		return false;
	mailer_wait(w->mailer, PATIENCE_MS);
	return true;
}

static bool
release_dead(void *arg, struct str id)
{
	struct worker *w = arg;

	if (job_release_holder(&w->queue, w->one, id, STR("")) != E_OK ||
	    webhook_delivery_release(&w->queue, w->one, id, STR_NONE) != E_OK ||
	    events_outbox_release_holder(&w->queue, w->one, id) != E_OK)
		return false;
	log_info("gave back the claims of a worker that died",
	    log_s("holder", id));
	return true;
}

static void
reap_leases(struct worker *w)
{
	int64_t now = clock_mono();

	if (now < w->reap_at)
		return;
	w->reap_at = now + REAP_EVERY;
	host_lock_reap(w->one, w->config->runtime_dir, release_dead, w);
	arena_reset(w->one);
}

/*
 * Jobs that the database holds for this worker, and that the worker does not
 * have, were claimed by a statement whose answer was lost: give them back. A
 * server that hung may commit such a claim late, so do it more than once.
 */
static void
release_unknown(struct worker *w)
{
	int64_t now = clock_mono();
	struct str known;

	if (now >= w->queue.lost_until || now < w->take_back_at)
		return;
	w->take_back_at = now + TAKE_BACK_EVERY;
	known = mailer_leases(w->mailer, w->one, STR(""));
	known = sms_leases(w->sms, w->one, known);
	job_release_holder(&w->queue, w->one, w->queue.holder, known);
	arena_reset(w->one);
}

static bool
maintain(struct worker *w)
{
	bool turn = w->maintenance.running;
	bool more = maintenance_step(&w->maintenance, w->queue.db, w->one,
	    w->config);

	if (turn && !w->maintenance.running)
		w->audit_keep.running = true;
	arena_reset(w->one);
	more |= audit_seal_step(&w->audit_seal, w->queue.db, w->one,
	    w->queue.keys);
	arena_reset(w->one);
	more |= audit_keep_step(&w->audit_keep, w->queue.db, w->one,
	    w->queue.keys, w->config);
	arena_reset(w->one);
	backlog_alarm_step(&w->alarm, w->queue.db, w->one, w->config);
	arena_reset(w->one);
	more |= media_sweep_step(&w->media_sweep, w->queue.db, w->one,
	    w->config);
	arena_reset(w->one);
	return more;
}

/* Tell the database once whether to write events: the last start decides. */
static void
publish(struct worker *w)
{
	if (!w->switched)
		w->switched = events_outbox_switch(w->queue.db, w->one,
		    w->config->kafka_enabled);
	arena_reset(w->one);
}

/* Webhooks, events and pictures go out from processes of their own. */
static void
keep_children(struct worker *w)
{
	bool due = child_due(&w->courier) || (w->config->kafka_enabled &&
	    child_due(&w->publisher)) ||
	    (media_url_offered(w->config) && child_due(&w->media));

	if (!due || !mailer_rest(w->mailer))
		return;
	webhook_process_keep(&w->courier, w->config, w->queue.keys);
	events_publisher_keep(&w->publisher, w->config, w->queue.keys,
	    w->queue.holder);
	media_process_keep(&w->media, w->config);
}

/* Work on mail and SMS; only one of them waits, at most STEP_MS. */
static bool
work_a_moment(struct worker *w, bool loop_stopping)
{
	bool mail = mailer_step(w->mailer, loop_stopping, STEP_MS);

	return sms_step(w->sms, w->batch, loop_stopping, mail ? 0 : STEP_MS) ||
	    mail;
}

static void
wait_for_jobs(struct worker *w)
{
	struct pollfd p = { .fd = w->wake.fd, .events = POLLIN };

	/* A signal between the test and the wait costs a second at most. */
	if (!loop_stopping(w))
		poll(&p, 1, POLL_MS);
	wakeup_drain(&w->wake);
	wakeup_take(&w->wake);
}

/* Only a new start makes another nursery; whoever watches us gives one. */
static bool
nursery_lost(struct worker *w)
{
	w->failed = w->reload && media_url_offered(w->config) &&
	    !media_nursery_lives();
	if (w->failed)
		log_error("the nursery of decoders died; the worker starts "
		    "anew");
	return w->failed;
}

static void
loop_until_stopped(struct worker *w)
{
	bool more, once = w->reload == NULL;

	while (!loop_stopping(w) && !nursery_lost(w)) {
		notify_alive();
		reap_leases(w);
		release_unknown(w);
		if (!once)
			keep_children(w);
		publish(w);
		more = work_a_moment(w, false);
		more |= maintain(w);
		if (!more && once) {
			w->queue.claims_left |= !webhook_process_run(w->config,
			    &w->queue, true);
			if (w->config->kafka_enabled)
				events_publisher_run(w->config, &w->queue,
				    true);
			return;
		}
		if (!more)
			wait_for_jobs(w);
	}
}

static bool
catch_signals(bool reload)
{
	struct sigaction take = { .sa_handler = on_signal };
	struct sigaction ignore = { .sa_handler = SIG_IGN };

	return sigaction(SIGTERM, &take, NULL) == 0 &&
	    sigaction(SIGINT, &take, NULL) == 0 &&
	    sigaction(SIGHUP, reload ? &take : &ignore, NULL) == 0 &&
	    sigaction(SIGPIPE, &ignore, NULL) == 0;
}

static bool
set_up(struct worker *w, const struct config *c, const struct keyring *k,
    struct db *db, const struct loop_reload *r)
{
	*w = (struct worker){ .config = c, .reload = r };
	w->batch = arena_new(LIMIT_ARENA);
	w->one = arena_new(LIMIT_ARENA);
	if (mkdir(c->runtime_dir, 0750) < 0 && errno != EEXIST)
		log_warn("no runtime directory, polling only",
		    log_c("dir", c->runtime_dir),
		    log_c("why", strerror(errno)));
	w->holder = host_lock_new(w->one, c->runtime_dir);
	w->queue = (struct queue){ .db = db, .keys = k,
		.patience = loop_patience, .arg = w };
	snprintf(w->holder_id, sizeof(w->holder_id), "%s",
	    uuid_text(w->one, w->holder.id).p);
	w->queue.holder = str_of(w->holder_id);
	w->sms = sms_new(c, &w->queue);
	w->mailer = mailer_new(c, &w->queue);
	return w->mailer && catch_signals(r != NULL);
}

bool
loop_check(struct arena *a, const struct config *c, const char **why)
{
	struct mail_sender sender;

	return mail_sender(a, c, &sender, why);
}

static void
tear_down(struct worker *w)
{
	mailer_free(&w->mailer);
	sms_free(&w->sms);
	arena_free(&w->batch);
	arena_free(&w->one);
}

/* End what is under way or give it back; end the child processes too. */
static void
wind_up(struct worker *w)
{
	while (!loop_out_of_time(w) && work_a_moment(w, true))
		continue;
	mailer_abandon(w->mailer);
	sms_abandon(w->sms);
	stop_children(w);
	child_wait(&w->courier);
	child_wait(&w->publisher);
	child_wait(&w->media);
	wakeup_close(&w->wake);
	/* If claims are left, the file stays: the next worker frees them. */
	if (!w->queue.claims_left && clock_mono() >= w->queue.lost_until)
		host_lock_leave(&w->holder, w->one, w->config->runtime_dir);
	tear_down(w);
}

enum loop_end
loop_run(const struct config *c, const struct keyring *k, struct db *db,
    const struct loop_reload *r)
{
	struct worker w;

	if (!set_up(&w, c, k, db, r)) {
		host_lock_leave(&w.holder, w.one, c->runtime_dir);
		tear_down(&w);
		return LOOP_FAILED;
	}
	w.wake = wakeup_new(c->runtime_dir);
	if (r)
		wakeup_take(&w.wake);
	log_info("worker started");
	notify_ready();
	loop_until_stopped(&w);
	wind_up(&w);
	log_info(w.reloaded ? "worker takes new settings" : "worker stopped");
	return w.failed ? LOOP_FAILED : w.reloaded ? LOOP_RELOADED :
	    LOOP_STOPPED;
}
