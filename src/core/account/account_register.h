#ifndef CORE_ACCOUNT_ACCOUNT_REGISTER_H
#define CORE_ACCOUNT_ACCOUNT_REGISTER_H

#include "core/session/session.h"

/* What a person gives to register; STR_NONE where not given. */
struct registration {
	struct str email;
	struct str username;
	struct str password;
	struct str first_name;
	struct str last_name;
	struct str full_name;
};

/*
 * Make an account, its verification code and the mail that carries it, in one
 * statement. *tokens is NULL when the address must be verified first; then an
 * address that is already registered gets the same answer and its owner a mail
 * (row LG3), or is registered once more (row LG7), with out->id.
 * Errors: E_EMAIL_TAKEN, E_USERNAME_TAKEN, E_VALIDATION (password policy),
 * E_BUSY, E_UNAVAILABLE.
 */
enum err account_register(struct ctx *x, const struct registration *r,
    struct account *out, struct tokens **tokens);

/* Change what is given of names and user name. E_USERNAME_TAKEN. */
enum err account_update(struct ctx *x, struct str user_id,
    const struct registration *r, struct account *out);

/* The full name; first and last name make it where none was given. */
struct str account_full_name(struct ctx *x, const struct registration *r);

#endif
