#ifndef HTTP_PATH_H
#define HTTP_PATH_H

#include "base/arena.h"
#include "base/err.h"
#include "http/request.h"

/*
 * Bring a request target into its one canonical form, or refuse it (row HB6).
 *
 * uri is REQUEST_URI as the client sent it, with or without scheme and host;
 * everything behind '?' is ignored. Each segment is percent-decoded once.
 * These have no canonical form: an encoded '/', backslash, control character,
 * NUL, bytes that are no UTF-8, "." and "..", '#', a bad escape
 * (E_BAD_REQUEST); an empty segment, ';' (E_NOT_FOUND). One slash at the end
 * is dropped. Letter case is kept: routes are lower case, and a path in another
 * case is not found.
 */
enum err path_canonical(struct arena *a, struct str uri, struct str *path);

/*
 * Take the mount off a canonical path. Prefixes are tried in this order:
 * base_path, script_name, none; the first one counts that ends at a '/' and
 * leaves a known mount. So a server that puts the whole path, or "/api", in
 * SCRIPT_NAME (nginx, lighttpd, mod_proxy_fcgi) changes nothing, and
 * "/cgi-bin/postern" or "/auth" is taken off whichever of the two names it.
 *
 *	/api/v1/…	DIALECT_V1	path below it
 *	/api/…		DIALECT_API	path below it
 *	/health /info /docs /openapi.json /metrics /.well-known
 *			DIALECT_ROOT	the path
 *
 * E_NOT_FOUND for all else, so the API is not served at the root.
 */
enum err path_mount(struct str path, struct str base_path,
    struct str script_name, enum dialect *dialect, struct str *below);

#endif
