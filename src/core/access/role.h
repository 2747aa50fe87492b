#ifndef CORE_ACCESS_ROLE_H
#define CORE_ACCESS_ROLE_H

#include "core/ctx.h"

/*
 * Roles and their permissions. Each process keeps them and reads them again
 * when a session row carries another version (row RB8), so a request pays
 * nothing.
 */

/*
 * Permission names of a comma-separated list of roles, sorted and each once;
 * *n receives their number. Reads the table when version is not the one held.
 */
enum err role_permissions(struct ctx *x, struct str roles, int64_t version,
    struct str **out, size_t *n);

/* E_OK when one of the roles gives the permission, else E_FORBIDDEN. */
enum err role_holds(struct ctx *x, struct str roles, int64_t version,
    const char *permission);

/* The first (highest) of a comma-separated list, or STR_NONE. */
struct str role_primary(struct str roles);

/* Drop what is held, for tests. */
void role_forget(void);

#endif
