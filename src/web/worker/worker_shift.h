#ifndef WEB_WORKER_WORKER_SHIFT_H
#define WEB_WORKER_WORKER_SHIFT_H

#include <signal.h>
#include <stddef.h>
#include <stdint.h>

#include "http/transport/fcgi_peek.h"
#include "http/transport/transport.h"
#include "web/worker/lane.h"

/* What each worker does from its start to its end, whichever transport. */
enum worker_kind { WORKER_LIGHT = 1, WORKER_HEAVY, WORKER_SINGLE };

struct worker_shift;

/* The program above the transport. obj is handed to each. */
struct worker_hooks {
	void *obj;
	/* called before the worker's first request: open what it owns */
	void (*start)(void *obj);
	transport_handler *serve;
	/* may this request hash a password? For scheduling only */
	bool (*heavy)(void *obj, struct arena *a, const struct fcgi_peek *seen);
	/* how many bytes of its body are worth reading; NULL: as of JSON */
	size_t (*body)(void *obj, struct arena *a,
	    const struct fcgi_peek *seen);
	/* nothing to do for a second: give memory back */
	void (*idle)(void *obj);
	void (*stop)(void *obj);
	/*
	 * Serve connections until worker_shift_over: another protocol than
	 * FastCGI, which needs neither serve nor heavy. NULL: FastCGI
	 */
	void (*loop)(void *obj, struct worker_shift *s);
};

struct worker_options {
	enum worker_kind kind;
	bool libfcgi; /* by libfcgi's hand instead of our own */
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

struct worker_shift {
	const struct worker_options *o;
	struct arena *arena; /* of the request in hand */
	int poll_fd;
	int source; /* where work comes from: listen_fd or the lane */
	size_t descriptors; /* that connections may take */
	sigset_t waiting; /* signal mask while waiting */
	long served;
	long last; /* the worker ends when it has served so many */
	bool idle_told;
	int64_t served_at; /* monotonic µs of the last request */
};

/*
 * Take signals and watch the source; signals are blocked but while a worker
 * waits with the mask `waiting`. False: the log says why.
 */
bool worker_shift_open(struct worker_shift *s, const struct worker_options *o);
void worker_shift_close(struct worker_shift *s);

/*
 * Was the worker told to end, or has it served its time? A heavy worker that is
 * told stays until no light worker is left that could pass on a request: nobody
 * else would take the request.
 */
bool worker_shift_over(const struct worker_shift *s);

/* A request was served. */
void worker_shift_count(struct worker_shift *s);

/* The most ms to wait for work; -1: as long as it takes. */
int worker_shift_wait(const struct worker_shift *s);

/* Nothing came; a worker with nothing to do for a while gives memory back. */
void worker_shift_rest(struct worker_shift *s);

/* Accept a connection: LANE_TAKEN with *conn, LANE_EMPTY, LANE_CLOSED. */
enum lane_state worker_shift_accept(const struct worker_shift *s, int *conn);

/*
 * Let the other workers take the next connection: the kernel wakes the one that
 * has waited longest since it asked.
 */
void worker_shift_requeue(const struct worker_shift *s);

/* Take nothing new. */
void worker_shift_leave(const struct worker_shift *s);

#endif
