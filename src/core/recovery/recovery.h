#ifndef CORE_RECOVERY_RECOVERY_H
#define CORE_RECOVERY_RECOVERY_H

#include "core/session/session.h"

/*
 * A user whose mailbox is lost recovers the account by codes sent to its
 * recovery methods (rows RC1 to RC3); an account with a second factor also
 * needs a backup code or a code of that factor. All addresses are notified.
 */

/*
 * The same answer, in the same time, whether or not there is such an account.
 * method: an id, a type, or STR_NONE for all. E_LIMITED.
 */
enum err recovery_start(struct ctx *x, struct str identifier,
    struct str method, struct str *challenge);

/*
 * Set a password. E_BAD_TOKEN when challenge is none; E_BAD_CODE for a missing
 * or wrong code; E_VALIDATION for the password, E_FACTOR_INVALID, E_LOCKED,
 * E_BUSY. Each code is a try, and there may be one for each that was sent, and
 * one of a factor: five tries a challenge, LIMIT_FAILURES over the life of
 * an account. After these the account cannot be recovered, and its addresses
 * are notified of that, until a method is proved anew or an administrator
 * unlocks it.
 */
enum err recovery_confirm(struct ctx *x, struct str challenge,
    const struct str *codes, size_t ncodes, struct str new_password);

#endif
