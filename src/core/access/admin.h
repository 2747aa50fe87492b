#ifndef CORE_ACCESS_ADMIN_H
#define CORE_ACCESS_ADMIN_H

#include "core/session/session.h"

/*
 * Shared by all of administration. The gate has admitted the actor; the
 * statement decides again, under the lock of everybody who changes rights, by
 * the rights the actor has at that moment (rows RB3, RB4, RB8).
 */

/*
 * The id behind a path segment: a uuid in either letter case, or a numeric id
 * of a user. E_NOT_FOUND for anything else.
 */
enum err admin_user_ref(struct ctx *x, struct str ref, struct str *id);

/* A uuid in lower case. E_NOT_FOUND. */
enum err admin_uuid_ref(struct ctx *x, struct str ref, struct str *id);

/*
 * Take the lock and run s in one transaction. *out (may be NULL) receives its
 * rows; their first cell is whether it was allowed. E_NOT_FOUND without a
 * row, E_FORBIDDEN, E_LAST_ADMIN, E_EMAIL_TAKEN, E_USERNAME_TAKEN, E_CONFLICT;
 * E_TOKEN_INVALID of core/access/actor.h.
 */
enum err admin_decide(struct ctx *x, struct statement s, struct rows **out);

/*
 * The same for at most ADMIN_STEPS statements; *out is of the first. Each
 * decides for itself, so the first must refuse what a later one would.
 */
#define ADMIN_STEPS 2
enum err admin_decide_all(struct ctx *x, const struct statement *s, int n,
    struct rows **out);

/* e, explained where an administrator may not do it to his own account. */
enum err admin_explain_own(struct ctx *x, enum err e, struct str actor,
    struct str user);

/*
 * Write down that the gate turned somebody away from administration: action
 * "admin.network" or "admin.refused", and why.
 */
void admin_refused(struct ctx *x, const struct session *s,
    const char *action, const char *reason);

/*
 * May administration come from this address (row RB7)? Without
 * admin.ip_whitelist always. In development the own host may, but never for a
 * super_admin. A refusal is audited. E_NETWORK.
 */
enum err admin_network(struct ctx *x, const struct session *s);

#endif
