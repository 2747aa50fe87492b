#ifndef HANDLERS_SHARED_AUDIT_H
#define HANDLERS_SHARED_AUDIT_H

#include "core/access/audit.h"
#include "handlers/shared/answer.h"

/*
 * Read the filters of the query (row LO5): user_id, action, result, from, to,
 * ip_address, page, limit, after. E_BAD_REQUEST with a sentence. For a file
 * limit may be any number.
 */
enum err audit_query(struct call *c, struct audit_filter *f);

/* A struct audit_row as a JSON object; the answer with a page of them. */
cJSON *audit_object(const void *row);
enum err audit_answer(struct call *c, const struct audit_filter *f);

/*
 * Answer with the same rows as a file, "csv" or "ndjson": all of them, or as
 * many as limit says. They are sent as they are read.
 */
enum err audit_export(struct call *c, struct audit_filter *f,
    struct str format);

#endif
