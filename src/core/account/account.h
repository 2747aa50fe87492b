#ifndef CORE_ACCOUNT_ACCOUNT_H
#define CORE_ACCOUNT_ACCOUNT_H

#include "core/ctx.h"

/* An account as it shows itself. Times are wall-clock µs, 0 for never. */
struct account {
	struct str id;
	int64_t numeric_id;
	struct str email;
	struct str username;
	struct str first_name;
	struct str last_name;
	struct str full_name;
	bool is_active;
	bool is_verified;
	bool two_factor_enabled;
	struct str roles; /* names, comma separated, highest rank first */
	struct str picture_url;
	struct str cover_url;
	int64_t last_login_at;
	int64_t created_at;
	int64_t updated_at;
};

struct tokens;

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
 * Errors: E_EMAIL_TAKEN, E_USERNAME_TAKEN, E_VALIDATION with ctx->field and
 * ctx->sentence (password policy), E_BUSY, E_UNAVAILABLE.
 */
enum err account_register(struct ctx *x, const struct registration *r,
    struct account *out, struct tokens **tokens);

/* Change what is given of names and user name. E_USERNAME_TAKEN. */
enum err account_update(struct ctx *x, struct str user_id,
    const struct registration *r, struct account *out);

/* Read one account. E_NOT_FOUND. *hash (may be NULL): the stored password. */
enum err account_find(struct ctx *x, struct str user_id, struct account *out,
    struct str *hash);

/*
 * The account in 16 cells of a row, from column first on: id, numeric_id,
 * email, username, first, last, full name, is_active, is_verified,
 * two_factor_enabled, roles, picture, cover, last login, created, updated.
 */
struct account account_of(struct account_cells c);

/* first and last name make a full name where none was given. */
struct str account_full_name(struct ctx *x, const struct registration *r);

/*
 * How a mail addresses its reader: by no name before his address is proved,
 * for until then a stranger may have chosen it.
 */
struct str account_greeting(const struct account *a);

/* Must its address be verified first (account.email_verification)? */
bool account_unverified(const struct ctx *x, const struct account *a);

/* Must it have a second factor first (two_factor.required_roles)? */
bool account_unenrolled(const struct ctx *x, const struct account *a);

#endif
