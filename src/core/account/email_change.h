#ifndef CORE_ACCOUNT_EMAIL_CHANGE_H
#define CORE_ACCOUNT_EMAIL_CHANGE_H

#include "base/clock.h"
#include "core/session/session.h"
#include "store/job_store.h"

#define EMAIL_UNDO_LIFE (72 * 3600 * CLOCK_SECOND) /* row EC1 */

/*
 * Another address (rows EC1 to EC5). The old one keeps working until the new
 * one is proved by the link that was mailed there, in a session of the same
 * user; the old one is told at once and may take it back for 72 hours.
 */

/*
 * Same answer whether or not somebody else has the address. E_VALIDATION when
 * it is the same, E_LIMITED.
 */
enum err email_change_request(struct ctx *x, const struct account *a,
    struct str new_email);

/* E_BAD_TOKEN for every wrong token; E_EMAIL_TAKEN. */
enum err email_change_confirm(struct ctx *x, const struct account *a,
    struct str token, struct account *out);

/*
 * By the link in a notice to the old address: it is back, all sessions end,
 * what was made since the change was asked for goes, later changes are void
 * with their undo, elder undos stay; the password must be set anew. The link
 * proves the address where it went to the address itself; as its first proof
 * everything goes (core/account/proof.h). E_BAD_TOKEN.
 */
enum err email_change_undo(struct ctx *x, struct str token);

/*
 * Notices to all addresses of a user whose address was or is email: what it is
 * to become, and how to take it back by the undo of that id.
 */
enum err email_change_warn(struct ctx *x, struct str user_id, struct str email,
    const char *template, struct str new_email, struct uuid undo,
    struct job_draft *jobs, size_t *n);

#endif
