#ifndef HTTP_REQUEST_MAKE_H
#define HTTP_REQUEST_MAKE_H

#include "http/request.h"

/* A request from the parameters that a transport was sent. */

/*
 * Fill method, path, dialect and query from params. base_path (may be empty)
 * and SCRIPT_NAME are stripped, see http/path.h; path and query come from
 * REQUEST_URI alone. X-HTTP-Method-Override counts on POST, for PUT, PATCH,
 * DELETE; E_METHOD for another word. E_BAD_REQUEST, E_NOT_FOUND on a target
 * without a canonical form (row HB6).
 */
enum err request_target(struct request *r, const char *base_path);

/*
 * Do the same, and fill id, client and user_agent, and started when it is 0;
 * the error answer needs these, so a failure fills them too. trusted is the
 * LIST of proxy networks (row HB1: rightmost untrusted address of one
 * X-Forwarded-For; whatever is unclear gives the peer; no address at all is
 * "0.0.0.0").
 */
enum err request_make(struct request *r, const char *base_path,
    const char *trusted);

#endif
