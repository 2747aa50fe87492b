#ifndef BASE_ENCODING_H
#define BASE_ENCODING_H

#include <stdint.h>

#include "base/arena.h"

/*
 * Text forms of bytes. Every decoder is strict: one input has one spelling,
 * anything else is refused (security rows CC2, JW6). Decoders check the
 * length, allocate, then decode.
 */

/* Lower-case hexadecimal. */
struct str hex_encode(struct arena *a, struct str bytes);
bool hex_decode(struct arena *a, struct str text, struct str *bytes);

/* base64url without padding (RFC 4648, 5). */
struct str b64url_encode(struct arena *a, struct str bytes);
bool b64url_decode(struct arena *a, struct str text, struct str *bytes);

/* base64 with padding (RFC 4648, 4). */
struct str b64_encode(struct arena *a, struct str bytes);
bool b64_decode(struct arena *a, struct str text, struct str *bytes);

/*
 * Percent-decode a path segment or query part. With plus, '+' is a space
 * (application/x-www-form-urlencoded). False on a bad escape or a NUL.
 */
bool percent_decode(struct arena *a, struct str text, bool plus,
    struct str *bytes);
struct str percent_encode(struct arena *a, struct str bytes);

struct uuid {
	uint8_t b[16];
};

/* Version 7 (RFC 9562): wall-clock milliseconds, then random bits. */
struct uuid uuid_v7(void);
/* Its text: 36 characters, lower case. */
struct str uuid_text(struct arena *a, struct uuid u);
/* Takes only the 36-character form, in either letter case. */
bool uuid_parse(struct str text, struct uuid *out);

#endif
