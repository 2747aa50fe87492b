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

/* Read one account. E_NOT_FOUND. *hash (may be NULL): the stored password. */
enum err account_find(struct ctx *x, struct str user_id, struct account *out,
    struct str *hash);

/*
 * Read several, each once and in any order, by ids and numeric ids. A text that
 * is neither, or of nobody, is left out.
 */
enum err account_find_all(struct ctx *x, const struct str *refs, size_t n,
    struct account **out, size_t *count);

/*
 * A password that is to be set, by the policy; username and email may not be
 * in it. E_VALIDATION of the field.
 */
enum err account_check_password(struct ctx *x, const char *field,
    struct str password, struct str username, struct str email);

/* The account of the cells that every statement about one answers with. */
struct account account_of(struct account_cells c);

/*
 * How a mail greets its reader: without a name before the address is proved,
 * because a stranger may have chosen it.
 */
struct str account_greeting(const struct account *a);

/* Is account.email_verification this word? */
bool account_verification_is(const struct ctx *x, const char *word);

/* Must its address be verified first (account.email_verification)? */
bool account_unverified(const struct ctx *x, const struct account *a);

/* Must it have a second factor first (two_factor.required_roles)? */
bool account_unenrolled(const struct ctx *x, const struct account *a);

#endif
