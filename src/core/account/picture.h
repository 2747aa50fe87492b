#ifndef CORE_ACCOUNT_PICTURE_H
#define CORE_ACCOUNT_PICTURE_H

#include "core/ctx.h"

enum picture_kind { PICTURE_PROFILE, PICTURE_COVER };

/* Bytes that a file of that kind may have. */
size_t picture_most(enum picture_kind kind);

struct picture {
	struct str url;
	int64_t width, height;
	const char *type; /* "image/jpeg" */
};

/*
 * Make the file the user's picture: it is decoded and stored by postern-media
 * while this waits, then the profile shows it and the one before is to go (rows
 * MU2 to MU8). E_MEDIA_TYPE, E_VALIDATION and E_LIMITED with a sentence;
 * E_UNAVAILABLE and E_BUSY, and the profile is what it was.
 */
enum err picture_put(struct ctx *x, enum picture_kind kind, struct str user_id,
    struct str file, struct picture *out);

/* The profile shows none. *had: it showed one. */
enum err picture_remove(struct ctx *x, enum picture_kind kind,
    struct str user_id, bool *had);

#endif
