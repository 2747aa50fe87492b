#ifndef CORE_RECOVERY_RECOVERY_H
#define CORE_RECOVERY_RECOVERY_H

#include "core/session/session.h"

/*
 * An account whose mail is lost is got back by codes sent to its recovery
 * methods (rows RC1 to RC3); one with a second factor needs, besides, a
 * backup code or a code of that factor. All addresses are told.
 */

/*
 * The same answer, in the same time, whether or not there is such an account.
 * method: an id, a type, or STR_NONE for all. E_LIMITED.
 */
enum err recovery_start(struct ctx *x, struct str identifier,
    struct str method, struct str *challenge);

/*
 * Set a password. E_BAD_TOKEN when challenge is none; E_BAD_CODE for every
 * other lack; E_VALIDATION for the password, E_FACTOR_INVALID, E_LOCKED,
 * E_BUSY. Each code is a try, and there may be one for each that was sent, and
 * one of a factor: five tries a challenge, RECOVERY_FAILURES over all of an
 * account. Past these it is recovered no more, which its addresses are told,
 * until a method was proved anew
 * or an administrator unlocked it.
 */
#define RECOVERY_FAILURES 100 /* as in recovery_charge */
enum err recovery_confirm(struct ctx *x, struct str challenge,
    const struct str *codes, size_t ncodes, struct str new_password);

#endif
