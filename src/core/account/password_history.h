#ifndef CORE_ACCOUNT_PASSWORD_HISTORY_H
#define CORE_ACCOUNT_PASSWORD_HISTORY_H

#include "core/ctx.h"

/*
 * Where password.history is set, a password that is to be set must be none of
 * that many last ones, nor the one there is. Each comparison costs a hash, so
 * this comes after all else that may refuse the password; the caller has proved
 * himself by then, so who guesses learns nothing. E_VALIDATION of the field,
 * and errors of password_verify.
 */
enum err password_history_check(struct ctx *x, const char *field,
    struct str user_id, struct str password);

#endif
