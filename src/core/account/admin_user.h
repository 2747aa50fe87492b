#ifndef CORE_ACCOUNT_ADMIN_USER_H
#define CORE_ACCOUNT_ADMIN_USER_H

#include "core/access/admin.h"
#include "core/account/account_register.h"

/* An account as administration sees it. */
struct admin_user {
	struct account account;
	bool must_reset_password;
	/* of admin_user_get only */
	int64_t sessions;     /* live ones */
	int64_t locked_until; /* wall µs; 0: no network is locked out */
};

/* Which accounts; STR_NONE and -1 select all. */
struct admin_user_filter {
	struct str search; /* part of address, user name or name */
	struct str role;
	int active;
	int verified;
	struct str after;  /* id: only accounts made before it (keyset) */
	long limit;
	long offset;
};

/*
 * Newest first. total is exact up to ten thousand. Cost is flat in the number
 * of accounts: the page is found by an index (row RB9).
 */
enum err admin_user_list(struct ctx *x, const struct admin_user_filter *f,
    struct admin_user **out, size_t *n, int64_t *total);

/* id as in the path. E_NOT_FOUND. */
enum err admin_user_get(struct ctx *x, struct str ref,
    struct admin_user *out);

struct admin_user_wish {
	struct registration as; /* password STR_NONE: none until a reset */
	struct str role;	/* STR_NONE: account.default_role */
	bool verified;
	bool active;
};

/* E_EMAIL_TAKEN, E_USERNAME_TAKEN, E_VALIDATION (role, password), E_BUSY. */
enum err admin_user_create(struct ctx *x, struct str actor,
    const struct admin_user_wish *w, struct admin_user *out);

/*
 * Change the fields that are given. verified -1 leaves it; a new address must
 * be proved whatever verified says: a code is mailed there, sessions end, the
 * old addresses are notified and can undo it (core/account/email_change.h).
 * active -1 leaves it; else as the two functions below.
 */
enum err admin_user_update(struct ctx *x, struct str actor, struct str ref,
    const struct registration *r, int verified, int active,
    struct admin_user *out);

/*
 * One change of one account, each audited in its statement, effective on the
 * next request everywhere. E_NOT_FOUND, E_FORBIDDEN, E_LAST_ADMIN.
 */
enum admin_user_act {
	ADMIN_ACTIVATE, ADMIN_DEACTIVATE, ADMIN_DELETE, ADMIN_UNLOCK,
	ADMIN_REQUIRE_RESET, ADMIN_END_SESSIONS
};
enum err admin_user_act(struct ctx *x, struct str actor, struct str ref,
    enum admin_user_act act, int64_t *count);

/* Delete sessions that ran out, at most ten thousand. */
enum err admin_cleanup_sessions(struct ctx *x, struct str actor,
    int64_t *deleted);

/* Numbers for a dashboard; each but users is counted to ten thousand. */
struct admin_stats {
	int64_t users, inactive, unverified, sessions, api_keys, roles;
	int64_t logins, failed_logins, registrations; /* of 24 hours */
};
enum err admin_stats(struct ctx *x, struct admin_stats *out);

#endif
