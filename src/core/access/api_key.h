#ifndef CORE_ACCESS_API_KEY_H
#define CORE_ACCESS_API_KEY_H

#include "core/limit.h"

/* A key that was admitted, or one of a user's records. Lists are comma
 * separated; times wall-clock µs, 0 for none. */
struct api_key {
	struct str id;
	struct str key_id;
	struct str user_id;
	struct str name;
	struct str scopes;
	struct str allowed_ips;
	struct str roles; /* of its creator, for the rights of "*" */
	int64_t role_version;
	long rate_limit;  /* an hour, as it holds */
	bool is_active;
	int64_t usage_count;
	int64_t last_used_at;
	int64_t expires_at;
	int64_t created_at;
};

/*
 * Judge a presented key for a scope (rows AK1 to AK9): the checksum is
 * refused without a look-up, the secret compared by its hash in constant time,
 * the hourly limit taken into *taken (its name is NULL when it was not), for
 * what is refused too where secret and network were right. "*" opens every
 * scope; scope NULL none at all: where keys are not taken, administration first
 * of all (row AK5).
 *
 * A key works while its owner could log in: it rests while he is deactivated,
 * must reset his password or is to be erased. A lock for wrong passwords stops
 * no key: whoever types them would switch it off.
 * E_TOKEN_INVALID, E_EMAIL_NOT_VERIFIED and E_ENROLMENT_REQUIRED (its creator
 * must do that first), E_SCOPE, E_NETWORK, E_LIMITED, E_UNAVAILABLE.
 */
enum err api_key_admit(struct ctx *x, struct str key, const char *scope,
    struct limit *taken, struct api_key **out);

/* Is the scope, or "*", one of the key's? */
bool api_key_has(const struct api_key *k, struct str scope);

/*
 * Uses are written in sums: are there some of this process not yet written?
 * Writing them is for when there is nothing else to do, and for the end.
 */
bool api_key_unsettled(void);
/* Do they wait for so long that a busy worker writes them too? */
bool api_key_overdue(void);
void api_key_settle(struct ctx *x);

struct api_key_wish {
	struct str name;
	const struct str *scopes;
	size_t nscopes;
	long rate_limit;     /* 0: the default, 1000; see api_keys.max_rate */
	int64_t expires_at;  /* 0: in one year (row AK8) */
	const struct str *allowed_ips;
	size_t nallowed_ips;
};

/*
 * *secret is the whole key, shown this once. E_VALIDATION with the field,
 * also past LIMIT_API_KEYS live ones.
 */
enum err api_key_create(struct ctx *x, struct str user_id,
    const struct api_key_wish *w, struct api_key *out, struct str *secret);

/* A user's own keys; id STR_NONE for all. Foreign and missing: E_NOT_FOUND. */
enum err api_key_list(struct ctx *x, struct str user_id, struct str id,
    long limit, long offset, struct api_key **out, size_t *n,
    int64_t *total);

enum err api_key_revoke(struct ctx *x, struct str user_id, struct str id);

/* A new secret; the old one works for overlap µs more (at most 72 h). */
enum err api_key_rotate(struct ctx *x, struct str user_id, struct str id,
    int64_t overlap, struct str *secret);

#endif
