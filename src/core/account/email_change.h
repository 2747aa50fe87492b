#ifndef CORE_ACCOUNT_EMAIL_CHANGE_H
#define CORE_ACCOUNT_EMAIL_CHANGE_H

#include "base/clock.h"
#include "core/session/session.h"
#include "store/job_store.h"

#define EMAIL_UNDO_LIFE (72 * 3600 * CLOCK_SECOND) /* row EC1 */

/*
 * Change of the address (rows EC1 to EC5). The old address keeps working until
 * the link mailed to the new one is used in a session of the same user. The old
 * address is notified at once and can undo the change for 72 hours.
 */

/*
 * The answer is the same whether or not somebody else has the address.
 * E_VALIDATION: it is the user's own already; E_LIMITED.
 */
enum err email_change_request(struct ctx *x, const struct account *a,
    struct str new_email);

/* E_BAD_TOKEN for every wrong token; E_EMAIL_TAKEN. */
enum err email_change_confirm(struct ctx *x, const struct account *a,
    struct str token, struct account *out);

/*
 * Undo a change by the link in a notice to the old address. The old address is
 * restored, all sessions end, everything made since the change was asked for is
 * deleted, later changes and their undo links are void, older undo links stay
 * valid, and the password must be set anew. A link mailed to the restored
 * address itself also proves it; as its first proof it deletes everything
 * (core/account/proof.h). E_BAD_TOKEN.
 */
enum err email_change_undo(struct ctx *x, struct str token);

/*
 * Notices to all addresses of a user whose address was or is email: the new
 * address, and the link of that undo id.
 */
enum err email_change_warn(struct ctx *x, struct str user_id, struct str email,
    const char *template, struct str new_email, struct uuid undo,
    struct job_draft *jobs, size_t *n);

#endif
