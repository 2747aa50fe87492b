#ifndef HANDLERS_SHARED_PROVE_H
#define HANDLERS_SHARED_PROVE_H

#include "handlers/shared/handlers.h"

/*
 * For a row that takes a proof with the request (row SE9): a password and
 * a code that are given must be right. A code of his factor proves a user
 * anew, the password only who has no factor; else what his session proved must
 * be recent. password and code are rows of the handler's fields.
 * E_WRONG_PASSWORD, E_FACTOR_INVALID, E_LOCKED, E_REAUTH_REQUIRED.
 */
enum err prove_now(struct call *c, int password, int code);

#endif
