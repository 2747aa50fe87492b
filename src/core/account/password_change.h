#ifndef CORE_ACCOUNT_PASSWORD_CHANGE_H
#define CORE_ACCOUNT_PASSWORD_CHANGE_H

#include "core/session/session.h"
#include "store/job_store.h"

#define PASSWORD_LINK_LIFE (3600 * CLOCK_SECOND) /* row PR2 */

/*
 * Change the password of a user who knows the old one (row PW8): other
 * sessions, devices and open links end, a notice is mailed. E_WRONG_PASSWORD,
 * E_VALIDATION with its field, E_LOCKED, E_BUSY; E_REAUTH_REQUIRED where
 * password.change_needs_factor asks for a factor proved in the last five
 * minutes.
 */
enum err password_change(struct ctx *x, const struct session *s,
    struct str old_password, struct str new_password);

/*
 * Mail a link if there is such an account; the answer and its time are the
 * same (row LG3). At most limits.password_reset an hour for the address.
 */
enum err password_reset_request(struct ctx *x, struct str email);

/*
 * The mail with a link to set the first password of the owner of an address;
 * *link is the id of the row to be made in the statement of its cause.
 */
struct job_draft password_set_mail(struct ctx *x, struct str to,
    struct str *link);

/*
 * Set a password by the link's token, once, within the hour (rows PR2, PR5,
 * PR6): everything open ends, the second factor stays, unless this is the
 * first proof of the address (core/account/proof.h). E_BAD_TOKEN for every
 * wrong token, E_VALIDATION, E_BUSY.
 */
enum err password_reset_confirm(struct ctx *x, struct str token,
    struct str new_password);

#endif
