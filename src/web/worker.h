#ifndef WEB_WORKER_H
#define WEB_WORKER_H

#include <stddef.h>
#include <stdint.h>

#include "http/transport/transport.h"
#include "web/lane.h"

/*
 * A worker takes one request at a time, and none before all of it is there: a
 * slow request waits in web/hold.h, where it keeps no other waiting. Light
 * workers accept connections; heavy ones take what light ones pass on
 * (web/lane.h); a single worker does both.
 */
enum worker_kind { WORKER_LIGHT = 1, WORKER_HEAVY, WORKER_SINGLE };

/* The program above the transport. obj is handed to each. */
struct worker_hooks {
	void *obj;
	/* called before the worker's first request: open what it owns */
	void (*start)(void *obj);
	transport_handler *serve;
	/* may this request hash a password? For scheduling only */
	bool (*heavy)(void *obj, struct arena *a, const struct fcgi_peek *seen);
	/* nothing to do for a second: give memory back */
	void (*idle)(void *obj);
	void (*stop)(void *obj);
};

struct worker_options {
	enum worker_kind kind;
	int listen_fd;
	struct lane *lane; /* NULL with WORKER_SINGLE */
	long max_requests; /* the worker exits after about so many; 0: never */
	size_t max_rss;	   /* resident bytes at which it exits; 0: no bound */
	int ready_fd;	   /* gets a byte after start; -1: none */
	/* counted up once per request; NULL: not counted */
	_Atomic uint64_t *requests;
	/* monotonic µs of a light worker's last request; NULL: not told */
	_Atomic int64_t *light_at;
	const struct worker_hooks *hooks;
};

/*
 * Serve until SIGTERM (or SIGUSR1), a bound, or the lane's end. The request in
 * hand is always finished, and one that is on its way may come within 5 s.
 * Returns the exit status of the process, 0 for a wanted end. Signals are
 * blocked except while the worker waits, so none cuts a read or a write short.
 */
int worker_run(const struct worker_options *o);

#endif
