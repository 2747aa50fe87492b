#ifndef HANDLERS_SHARED_PROVE_H
#define HANDLERS_SHARED_PROVE_H

#include "handlers/shared/handlers.h"

/*
 * For a route that takes a proof with the request (row SE9): a password and
 * a code that are given must be right. A code of the user's factor is a new
 * proof, a password only for a user without a factor; without a new proof the
 * session's must be recent. password and code are rows of the handler's fields.
 * E_WRONG_PASSWORD, E_FACTOR_INVALID, E_LOCKED, E_REAUTH_REQUIRED.
 */
enum err prove_now(struct call *c, int password, int code);

#endif
