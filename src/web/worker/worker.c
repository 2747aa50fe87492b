#include "web/worker/worker.h"

#include <config.h>

#include <unistd.h>

#include "base/log.h"
#include "web/worker/conn_loop.h"
#include "web/worker/worker_libfcgi.h"

/* The loop of the transport that is asked for, if it was built. */
static bool
serve(struct worker_shift *s)
{
	if (s->o->hooks->loop) {
		s->o->hooks->loop(s->o->hooks->obj, s);
		return true;
	}
#ifdef HAVE_LIBFCGI
	if (s->o->libfcgi)
		return worker_libfcgi_run(s);
#else
	if (s->o->libfcgi)
		log_warn("service.fastcgi: libfcgi was not built in; own");
#endif
	conn_loop_run(s);
	return true;
}

int
worker_run(const struct worker_options *o)
{
	const struct worker_hooks *h = o->hooks;
	struct worker_shift s;
	bool served = false;

	if (worker_shift_open(&s, o)) {
		if (h->start)
			h->start(h->obj);
		if (o->ready_fd >= 0 && write(o->ready_fd, "+", 1) < 0)
			log_warn("master does not listen");
		served = serve(&s);
		if (h->stop)
			h->stop(h->obj);
	}
	worker_shift_close(&s);
	return served ? 0 : 70; /* EX_SOFTWARE */
}
