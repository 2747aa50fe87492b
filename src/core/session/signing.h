#ifndef CORE_SESSION_SIGNING_H
#define CORE_SESSION_SIGNING_H

#include "core/ctx.h"

/*
 * The keys of access tokens: the configured HS256 secrets and table
 * signing_keys (EdDSA, sealed, rotated by posternctl key). Only keys of the
 * configured algorithm sign; keys of both verify (row JW5).
 */

/* Keys that need no database; called once at start. */
void signing_start(const struct config *c, struct jwt_keys *keys);

/*
 * Read the table again when it was not read for a minute, or at once when a
 * token names a kid that is unknown here (at most once a second). E_OK, or
 * E_UNAVAILABLE: no key to sign with and Postgres does not answer.
 */
enum err signing_refresh(struct ctx *x, bool unknown_kid);

/*
 * Call before a session begins or continues, so that none is left without its
 * token: E_OK when a key can sign, E_UNAVAILABLE when none can.
 */
enum err signing_ready(struct ctx *x);

/*
 * What a token was checked against: a hash of iss, aud, life, keys, and the
 * database that knows its session. What was proved under another stamp is not
 * proved.
 */
struct str signing_stamp(void);

/* iss of our tokens: jwt.issuer, else service.public_url, else the name. */
const char *signing_issuer(const struct config *c);

/* An access token of ours: signature and claims. Errors as jwt_verify's. */
enum err signing_verify(struct ctx *x, struct str token,
    struct jwt_claims *out);

#endif
