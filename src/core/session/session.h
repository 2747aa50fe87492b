#ifndef CORE_SESSION_SESSION_H
#define CORE_SESSION_SESSION_H

#include "core/account/account.h"
#include "core/limit.h"

/*
 * Which reading of the session this is: the name of its token in the memory of
 * this host, and when Postgres read the row (0: it was not found there). Two
 * with the same source say the same of session and account.
 */
struct session_source {
	uint8_t name[SHARED_TABLE_NAME];
	int64_t read;
};

/* A live session and whose it is. */
struct session {
	struct str id;
	int64_t numeric_id;
	struct str amr;
	struct str ip_address;
	struct str user_agent;
	int64_t created_at;
	int64_t proved_at;  /* last time a password or factor was proved */
	int64_t expires_at; /* of its refresh token */
	struct account account;
	int64_t role_version;
	int64_t token_iat, token_exp; /* of the access token; Unix seconds */
	struct session_source source;
};

/* What a client gets of a session. */
struct tokens {
	struct str access;
	struct str refresh;
	int64_t expires_in; /* seconds */
	struct str session_id;
	int64_t session_numeric_id;
};

/* The tokens of a session for one generation (rows RT3, JW3). */
struct tokens *session_tokens(struct ctx *x, struct str user_id,
    struct str session_id, uint32_t generation);

/*
 * The session of an access token: from the memory of this host where the token
 * was proved there lately; else its signature is checked, and Redis or Postgres
 * asked whether the session still lives. E_TOKEN_INVALID, E_LIMITED,
 * E_UNAVAILABLE. limit may be NULL; what it is of is completed with the user.
 */
enum err session_of_token(struct ctx *x, struct str token,
    struct limit *limit, struct session **out);

/*
 * The data in session entries of a user or session is about to change: call
 * this before the change commits. This host trusts none of those entries from
 * then on; other hosts learn it from Redis, or from Postgres within a second.
 */
void session_stale(struct ctx *x, struct str id);
void session_stale_roles(struct ctx *x);

enum session_scope { SESSION_THIS, SESSION_OTHERS, SESSION_ALL };

/* End sessions of a user; their tokens are dead when this returns. */
enum err session_end(struct ctx *x, struct str user_id, struct str session_id,
    enum session_scope scope, const char *reason);

/* End one of a user's own sessions by id or numeric id. E_NOT_FOUND. */
enum err session_end_one(struct ctx *x, struct str user_id, struct str id);

/* One entry of the list a user sees (row SE4). */
struct session_entry {
	struct str id;
	int64_t numeric_id;
	struct str ip_address;
	struct str user_agent;
	int64_t created_at;
	int64_t last_used_at;
	int64_t expires_at;
	struct str amr;
	bool is_current; /* it is the one that asks */
};

enum err session_list(struct ctx *x, struct str user_id, long limit,
    long offset, struct session_entry **out, size_t *n, int64_t *total);

/* Within ten minutes? Whether by what it must be, says factor_recent. */
bool session_recent(const struct session *s);

#endif
