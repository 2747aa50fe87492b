#ifndef CRYPTO_JWT_JWT_CLAIMS_H
#define CRYPTO_JWT_JWT_CLAIMS_H

#include <stdint.h>

#include "base/arena.h"

/*
 * Reads a JSON object of a token: one flat object (security row JW6). Strict:
 * RFC 8259 grammar, valid UTF-8, no NUL, no member twice, no bytes after the
 * end, depth at most CLAIMS_DEPTH, at most CLAIMS_MEMBERS members. Members
 * nobody asked for may have any type; they are checked and skipped.
 */
#define CLAIMS_DEPTH 8
#define CLAIMS_MEMBERS 64

/* A member the caller wants: name, kind and, after the read, its value. */
struct claim {
	const char *name;
	enum claim_kind {
		CLAIM_STRING = 1,
		CLAIM_INTEGER, /* 0 to 2^53 - 1, no fraction, no exponent */
		CLAIM_ANY      /* only whether it is present */
	} kind;
	bool found;
	struct str text;   /* borrows from json where nothing is escaped */
	int64_t number;
};

/*
 * Fill in the n wanted members of the object json. False when the object is
 * not strict, or a wanted member is of another kind. An absent member has
 * found = false; the caller decides what that means.
 */
bool jwt_claims_read(struct arena *a, struct str json, struct claim *want,
    size_t n);

#endif
