#ifndef CORE_OUTGOING_MEDIA_URL_H
#define CORE_OUTGOING_MEDIA_URL_H

#include "base/arena.h"
#include "config/config.h"

/* Can this program keep pictures, and do the settings say where? */
bool media_url_offered(const struct config *c);

/* Are they kept in S3 (s3.access_key_id is set), or in media.directory? */
bool media_url_in_s3(const struct config *c);

/* Where S3 is asked for an object: base + path, and the header Host. */
struct media_place {
	struct str base; /* "https://host:port" */
	struct str host; /* "host:port" */
	struct str path; /* "/bucket/key", or "/key" of a host of the bucket */
};
struct media_place media_url_place(struct arena *a, const struct config *c,
    struct str key);

/* Where a browser finds the object. */
struct str media_url_public(struct arena *a, const struct config *c,
    struct str key);

#endif
