#ifndef HANDLERS_SHARED_ADMIN_H
#define HANDLERS_SHARED_ADMIN_H

#include "core/account/admin_user.h"
#include "handlers/shared/answer.h"

/* Parts that the administration's answers share. */

/* The account, a struct admin_user, with what only administration sees. */
cJSON *admin_answer_user(const void *row);

/* Who acts: the id of the signed-in user. */
struct str admin_actor(const struct call *c);

/* A value of the query under one of two names, or STR_NONE when empty. */
struct str admin_query(const struct call *c, const char *name,
    const char *alias);

/* true or false (also 1, 0) of the query; -1 when not given. */
enum err admin_query_bool(struct call *c, const char *name,
    const char *alias, int *out);

#endif
