#ifndef CORE_SESSION_SESSION_PROVED_H
#define CORE_SESSION_SESSION_PROVED_H

#include "core/ctx.h"
#include "crypto/jwt/jwt.h"

/*
 * What this host proved of an access token in the last 5 s, in the memory its
 * processes share (runtime/shared_table.h): its signature and claims were good,
 * until when, and what Postgres said of its session and user. Whoever finds it
 * needs neither Redis nor Postgres nor the signature. It is believed when all
 * of this holds:
 *
 *   its MAC is right, and the token's, under the keys that verify today;
 *   neither the token nor its key has ended;
 *   Postgres said it less than 5 s ago;
 *   this host heard of all changes up to a second ago, and of none of it
 *   (core/session/session_change.h).
 */
struct session_proof {
	bool named;
	uint8_t name[SHARED_TABLE_NAME];
	struct str session_id, user_id;
	int64_t iat, exp; /* of the token; Unix seconds */
	int64_t read;	  /* by the clock of Postgres */
	struct rows row;
};

/* The name of a token in the table; proof of it when it is there: true. */
bool session_proved_find(struct ctx *x, struct str token,
    struct session_proof *p);

/* A token that session_proved_find named is proved: claims, and a row. */
void session_proved_keep(struct ctx *x, const struct session_proof *p,
    const struct jwt_claims *c, const struct rows *r);

#endif
