#ifndef CORE_EMAIL_CHANGE_H
#define CORE_EMAIL_CHANGE_H

#include "core/session.h"

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
 * the password must be set anew. E_BAD_TOKEN.
 */
enum err email_change_undo(struct ctx *x, struct str token);

#endif
