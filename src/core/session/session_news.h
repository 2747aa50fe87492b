#ifndef CORE_SESSION_SESSION_NEWS_H
#define CORE_SESSION_SESSION_NEWS_H

#include "core/ctx.h"

/*
 * Changes of sessions that hosts tell each other by Redis, so that a revocation
 * holds elsewhere a tenth of a second later, and not only when Postgres is
 * asked again. A courtesy: what comes makes this host doubt what it has; what
 * is lost, late, doubled or invented changes nothing that is believed
 * (core/session/session_change.h).
 */

/* The command that tells a change: an id, or "roles". */
struct command session_news_command(struct ctx *x, struct str what);

/* Hear what was told since this host heard last, in one round trip. */
void session_news_hear(struct ctx *x);

#endif
