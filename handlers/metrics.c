/* GET /metrics: Prometheus text, over all workers */
#include "core/metrics_text.h"
#include "handlers/shared/handlers.h"

static enum err
run_metrics(struct call *c)
{
	struct str text;
	enum err e = metrics_text(c->ctx, &text);

	if (e != E_OK)
		return e;
	c->re->raw = text;
	c->re->content_type = "text/plain; version=0.0.4; charset=utf-8";
	c->re->status = 200;
	return E_OK;
}

const struct handler metrics = { NULL, run_metrics };
