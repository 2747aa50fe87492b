#ifndef CORE_SESSION_REFRESH_H
#define CORE_SESSION_REFRESH_H

#include "core/session/session.h"

/*
 * Rotate a refresh token (RFC 9700 4.14.2; rows RT1 to RT7). One statement
 * moves the family from generation g to g + 1; of N parallel calls one wins.
 * Another use of the old token ends the family (or all of the user's, by
 * configuration) and mails a notice, unless repair, the Idempotency-Key of
 * the request, is the one the rotation was made with at most 60 s ago, or the
 * grace time of the configuration runs: then the unused successor is given
 * again. E_REFRESH_INVALID, E_UNAVAILABLE.
 */
enum err refresh(struct ctx *x, struct str token, struct str repair,
    struct tokens **out);

#endif
