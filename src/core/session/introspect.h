#ifndef CORE_SESSION_INTROSPECT_H
#define CORE_SESSION_INTROSPECT_H

#include "core/session/session.h"

/* RFC 7662 2.2; only .active is set for whatever is not alive (row JW9). */
struct introspection {
	bool active;
	const char *type; /* "access_token" or "refresh_token" */
	struct str sub;
	struct str username;
	struct str sid;
	struct str scope; /* permissions, space separated */
	struct str roles; /* comma separated, highest first */
	int64_t exp;	  /* seconds */
	int64_t iat;
};

/* Judge an access or a refresh token. E_OK also for a dead one. */
enum err introspect(struct ctx *x, struct str token,
    struct introspection *out);

#endif
