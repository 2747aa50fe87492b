#ifndef HTTP_DIALECT_H
#define HTTP_DIALECT_H

#include "base/buf.h"
#include "http/request.h"

/*
 * The one place that knows how the dialects write an answer (row AP1).
 * Handlers know canonical snake_case names only.
 */

/*
 * Write the envelope's members that data gives: ,"data":… and, in the /api
 * dialect, the members of data once more behind it. The key names are those
 * of dialect d; data is not changed; a NULL data is written as null.
 */
void dialect_write_data(struct buf *b, enum dialect d, const cJSON *data);

/* requires_mfa → requiresMFA, user_id → userId. In the arena. */
struct str dialect_camel(struct arena *a, struct str snake);

/* requiresMFA → requires_mfa, userID → user_id; snake stays. In the arena. */
struct str dialect_snake(struct arena *a, struct str camel);

#endif
