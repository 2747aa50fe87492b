#ifndef HANDLERS_SHARED_PARTY_H
#define HANDLERS_SHARED_PARTY_H

#include "core/factor/factor_verify.h"
#include "handlers/shared/handlers.h"

/* Whose factor a request is about, and by what right the request asks. */
struct party {
	struct str challenge;	       /* id, or STR_NONE */
	struct subject subject;	       /* not with a challenge */
	const struct session *session; /* of a signed-in user */
	struct str actor;	       /* user, or owner of the key */
};

/*
 * Find the party. A challenge, in the body under either name or as Bearer,
 * comes before anything else that was sent; then an API key with user_id, then
 * a session. A user id alone proves nothing (row LG13). make: create a key's
 * subject that does not exist. E_CHALLENGE_INVALID, E_UNAUTHENTICATED,
 * E_TOKEN_INVALID, E_NOT_FOUND, E_SCOPE.
 */
enum err party_of(struct call *c, struct str temp_token, struct str user_id,
    bool make, struct party *out);

/* For reading: a key without a user_id asks about its owner. */
enum err party_read(struct call *c, struct party *out);

/*
 * Answer in the words of the path that was asked: a message that begins with
 * "2FA" begins with "MFA" below /mfa (row AP6).
 */
enum err party_answer(struct call *c, const char *message, cJSON *data);

#endif
