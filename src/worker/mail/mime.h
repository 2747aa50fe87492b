#ifndef WORKER_MAIL_MIME_H
#define WORKER_MAIL_MIME_H

#include <stdint.h>

#include "base/arena.h"

/*
 * A mail as bytes (RFC 5322, 2045, 2046, 2047): folded headers, encoded words
 * where a name or subject is not ASCII, bodies as 7bit or quoted-printable,
 * CRLF everywhere. Nothing a value holds can add a header or a line to one
 * (rows RE6, HT4).
 */
struct mime_mail {
	struct str id;	      /* local part of Message-ID: stable over retries */
	struct str host;      /* its domain */
	int64_t date;	      /* µs, wall clock */
	struct str from_name; /* UTF-8, may be empty */
	struct str from;      /* email_ok */
	struct str to;	      /* email_ok */
	struct str subject;   /* UTF-8, one line */
	struct str text;      /* UTF-8 */
	struct str html;      /* UTF-8; STR_NONE: a plain text mail */
};

/*
 * The whole message. False when a header value is empty, too long, holds a
 * control character or is not UTF-8, an address is not ok, or a body is not
 * UTF-8; *why is then a short English reason.
 */
bool mime_build(struct arena *a, const struct mime_mail *m, struct str *out,
    const char **why);

/* "Name: value" of a header as it is sent, folded, with its CRLF. */
struct str mime_header(struct arena *a, const char *name, struct str value);

#endif
