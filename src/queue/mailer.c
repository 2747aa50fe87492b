#include "queue/mailer.h"

#include <stdlib.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "queue/circuit.h"
#include "queue/mail_load.h"

#define AHEAD_MAX 448 /* mails claimed before there is a connection for them */
#define BURST 32
#define CLAIM_EVERY (100 * CLOCK_MS)  /* when nothing was left at the last */
#define SETTLE_EVERY (10 * CLOCK_MS)  /* what a crash may send twice */
#define BRISK (50 * CLOCK_MS)	      /* a claim lasted no longer: ask for more */
#define SLACK (200 * CLOCK_MS)	      /* or so long: for less */

struct mailer {
	struct queue *queue;
	struct arena *arena; /* of the settings below */
	struct mail_sender sender;
	int connections;
	struct transfer *transfer; /* NULL: there is no relay */
	struct circuit circuit;
	bool probing;
	struct mail_load loads[TRANSFER_ROOM];
	int used, ended;
	int ahead;	    /* how many to claim beyond the connections */
	bool full;	    /* the last claim got all it asked for */
	int64_t claimed_at; /* µs, monotonic, as the others */
	int64_t claim_at;
	int64_t ended_at;   /* the first that is not written */
};

static void
meanwhile(void *arg, struct pollfd *p, int ms)
{
	struct mailer *m = arg;

	transfer_work(m->transfer, p, ms);
}

static bool
connect_relay(struct mailer *m, const struct config *c)
{
	struct transfer_options o = {
		.host = c->smtp_host,
		.port = c->smtp_port,
		.user = c->smtp_user,
		.password = c->smtp_password,
		.tls = c->smtp_tls,
		.ca_file = c->smtp_ca,
		.connections = (int)c->smtp_connections,
	};

	if (*c->smtp_host == '\0') {
		log_warn("smtp.host is empty: mail stays in the queue");
		return true;
	}
	if (*c->smtp_user && !c->smtp_tls)
		log_warn("smtp.tls is off: the relay's password travels "
		    "in the clear");
	transfer_init();
	m->connections = o.connections;
	m->transfer = transfer_new(&o);
	if (m->transfer == NULL)
		log_error("smtp.host is not a host name");
	else
		db_meanwhile(m->queue->db, meanwhile, m);
	return m->transfer != NULL;
}

struct mailer *
mailer_new(const struct config *c, struct queue *q)
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
	m->sender.source.templates.cache = template_dir_cache_new();
	if (!connect_relay(m, c))
		mailer_free(&m);
	return m;
}

/* A burst is over: its memory goes back, which glibc leaves to be asked. */
static void
shrink(struct mailer *m)
{
	int freed = 0;

	for (int i = 0; i < TRANSFER_ROOM; i++)
		if (m->loads[i].arena) {
			arena_free(&m->loads[i].arena);
			freed++;
		}
#ifdef __GLIBC__
	if (freed > BURST)
		malloc_trim(0);
#endif
}

void
mailer_free(struct mailer **mp)
{
	struct mailer *m = *mp;

	if (m == NULL)
		return;
	db_meanwhile(m->queue->db, NULL, NULL);
	transfer_free(&m->transfer);
	template_dir_cache_free(&m->sender.source.templates.cache);
	shrink(m);
	arena_free(&m->arena);
	free(m);
	*mp = NULL;
}

static void
ended(struct mailer *m)
{
	if (m->ended++ == 0)
		m->ended_at = clock_mono();
}

/* Make the message and put it into the line. */
static void
take(struct mailer *m, const struct job *claimed)
{
	struct mail_load *l = m->loads;

	while (l->used)
		l++;
	if (l->arena == NULL)
		l->arena = arena_new(LIMIT_ARENA);
	l->used = true;
	m->used++;
	if (!mail_load_fill(l, claimed, m->queue->keys, &m->sender)) {
		ended(m);
		return;
	}
	transfer_add(m->transfer, &(struct transfer_mail){
	    .from = m->sender.address, .to = l->mail.to,
	    .message = l->mail.message, .priority = l->job.priority,
	    .before = l->job.begin_by, .arg = l });
}

/*
 * How many to claim: what the connections can take, and as many ahead of them
 * as they sent of late between two claims. So a slow relay has no line in
 * front of it, which a crash would count as tries and a new reset mail would
 * find full, and a fast one never waits for the database.
 */
static int
room(struct mailer *m, int64_t now)
{
	int n;

	if (m->used == m->ended)
		m->claim_at = 0;
	if (now < m->claim_at || transfer_waiting(m->transfer) > m->ahead / 2)
		return 0;
	n = m->connections + m->ahead - (m->used - m->ended);
	return n < TRANSFER_ROOM - 1 - m->used ? n :
	    TRANSFER_ROOM - 1 - m->used; /* one is for a probe */
}

static void
adapt(struct mailer *m, int64_t now)
{
	int64_t lasted = now - m->claimed_at;

	m->claimed_at = now;
	if (!m->full)
		return;
	if (lasted < BRISK)
		m->ahead = m->ahead * 2 + m->connections;
	else if (lasted > SLACK)
		m->ahead /= 2;
	if (m->ahead > AHEAD_MAX)
		m->ahead = AHEAD_MAX;
}

static void
claim(struct mailer *m, struct arena *a)
{
	int64_t now = clock_mono();
	int want = room(m, now);
	struct job *jobs;
	size_t n = 0;

	if (want <= 0)
		return;
	adapt(m, now);
	if (job_claim(m->queue, a, want, "mail", &jobs, &n) != E_OK)
		n = 0;
	for (size_t i = 0; i < n; i++)
		take(m, &jobs[i]);
	m->full = n == (size_t)want;
	m->claim_at = m->full ? 0 : now + CLAIM_EVERY;
	arena_reset(a);
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

static void
probed(struct mailer *m, const struct transfer_result *r)
{
	m->probing = false;
	if (r->end == TRANSFER_STOPPED || r->end == TRANSFER_UNSENT)
		return;
	if (r->end != TRANSFER_DONE)
		relay_failed(m, r);
	else if (circuit_close(&m->circuit))
		log_info("the mail relay is back");
}

static void
judge(struct mailer *m, struct mail_load *l, const struct transfer_result *r)
{
	/* Those that were under way beside the first tell nothing new. */
	if (!m->circuit.open && (r->end == TRANSFER_UNREACHABLE ||
	    r->end == TRANSFER_UNTRUSTED || r->end == TRANSFER_LOST))
		relay_failed(m, r);
	mail_load_judge(l, r);
	ended(m);
}

static void
collect(struct mailer *m)
{
	struct transfer_result r;

	while (m->transfer && transfer_next(m->transfer, &r))
		if (r.arg == NULL)
			probed(m, &r);
		else
			judge(m, r.arg, &r);
}

static void
unload(struct mailer *m, struct mail_load *l)
{
	l->used = l->ended = false;
	m->used--;
	m->ended--;
	arena_reset(l->arena);
}

/* What ended until now, in one statement. */
static void
settle(struct mailer *m, struct arena *a)
{
	struct mail_load *which[TRANSFER_ROOM];
	struct job_end list[TRANSFER_ROOM] = { { .attempts = 0 } };
	bool ours[TRANSFER_ROOM] = { false };
	size_t n = 0;

	for (struct mail_load *l = m->loads; n < (size_t)m->ended; l++)
		if (l->used && l->ended) {
			which[n] = l;
			list[n++] = l->end;
		}
	job_settle(m->queue, a, list, n, ours);
	for (size_t i = 0; i < n; i++) {
		mail_load_report(which[i], ours[i]);
		unload(m, which[i]);
	}
	if (m->used == 0)
		shrink(m);
	arena_reset(a);
}

static void
probe(struct mailer *m)
{
	if (m->probing || !circuit_due(&m->circuit, clock_mono()))
		return;
	m->probing = true;
	transfer_probe(m->transfer, NULL);
}

bool
mailer_step(struct mailer *m, struct arena *batch, bool stopping, int ms)
{
	if (m->transfer == NULL)
		return false;
	probe(m);
	if (stopping)
		transfer_halt(m->transfer);
	else if (!m->circuit.open)
		claim(m, batch);
	if (m->ended && ms > SETTLE_EVERY / 2 / CLOCK_MS)
		ms = SETTLE_EVERY / 2 / CLOCK_MS;
	transfer_work(m->transfer, NULL, ms);
	collect(m);
	if (m->ended > m->ahead / 4 || (m->ended && (m->ended == m->used ||
	    clock_mono() - m->ended_at >= SETTLE_EVERY)))
		settle(m, batch);
	return m->used > 0 || (!stopping && (m->probing ||
	    (m->full && !m->circuit.open)));
}

void
mailer_wait(struct mailer *m, int ms)
{
	int64_t end = clock_mono() + ms * CLOCK_MS;

	while (m->transfer && transfer_busy(m->transfer) && ms > 0) {
		transfer_work(m->transfer, NULL, ms);
		ms = (int)((end - clock_mono()) / CLOCK_MS);
	}
	if (ms > 0)
		poll(NULL, 0, ms);
}

void
mailer_abandon(struct mailer *m, struct arena *batch)
{
	if (m->transfer == NULL)
		return;
	transfer_abandon(m->transfer);
	collect(m);
	if (m->ended)
		settle(m, batch);
}

struct str
mailer_leases(const struct mailer *m, struct arena *a, struct str list)
{
	for (const struct mail_load *l = m->loads; l < m->loads + TRANSFER_ROOM;
	    l++)
		if (l->used)
			list = arena_fmt(a, "%.*s%s%.*s", STR_FMT(list),
			    list.n ? "," : "", STR_FMT(l->job.lease));
	return list;
}
