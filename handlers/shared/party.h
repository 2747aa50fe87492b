#ifndef HANDLERS_SHARED_PARTY_H
#define HANDLERS_SHARED_PARTY_H

#include "core/factor/factor_verify.h"
#include "handlers/shared/handlers.h"

/* Whose factor a request is about, and in what right it asks. */
struct party {
	struct str challenge;	       /* id, or STR_NONE */
	struct subject subject;	       /* not with a challenge */
	const struct session *session; /* of a signed-in user */
	struct str actor;	       /* user, or owner of the key */
};

/*
 * A challenge in the body under either name, or as Bearer, comes before
 * anything else that was sent; then an API key with user_id, then a session.
 * A user id alone is nobody (row LG13). make: a key's subject is made when
 * it is not there. E_CHALLENGE_INVALID, E_UNAUTHENTICATED, E_TOKEN_INVALID,
 * E_NOT_FOUND, E_SCOPE.
 */
enum err party_of(struct call *c, struct str temp_token, struct str user_id,
    bool make, struct party *out);

/* For reading: a key without a user_id asks about its owner. */
enum err party_read(struct call *c, struct party *out);

/*
 * The answer in the words of the path that was asked: what begins with "2FA"
 * is said of MFA below /mfa (row AP6).
 */
enum err party_answer(struct call *c, const char *message, cJSON *data);

/* The bound of a code that is sent to this party. */
struct str party_bound(struct call *c, const struct party *p);

#endif
