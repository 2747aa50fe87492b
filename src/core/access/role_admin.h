#ifndef CORE_ACCESS_ROLE_ADMIN_H
#define CORE_ACCESS_ROLE_ADMIN_H

#include "core/access/admin.h"

/*
 * Roles, permissions and who has them. Nobody can grant a permission he does
 * not have, or change a role that has more permissions than he has (row RB3).
 */
struct role {
	struct str id;
	struct str name;
	struct str description;
	bool is_active;
	bool is_system; /* seeded: its name stays and it cannot be deleted */
	int64_t created_at;
	int64_t updated_at;
	struct str permissions; /* names, comma separated */
};

struct permission {
	struct str id;
	struct str name;
	struct str resource;
	struct str action;
	struct str description;
	bool is_active;
	int64_t created_at;
};

/* The seeded ones first, each kind highest first. */
enum err role_list(struct ctx *x, long limit, long offset,
    struct role **out, size_t *n, int64_t *total);

/* By id or name. E_NOT_FOUND. */
enum err role_get(struct ctx *x, struct str ref, struct role *out);

/* E_CONFLICT: the name is taken; E_VALIDATION: an unknown permission. */
enum err role_create(struct ctx *x, struct str actor, struct str name,
    struct str description, const struct str *permissions, size_t n,
    struct role *out);

/* STR_NONE and -1 leave a value as it is. */
enum err role_update(struct ctx *x, struct str actor, struct str ref,
    struct str name, struct str description, int active, struct role *out);

enum err role_delete(struct ctx *x, struct str actor, struct str ref);

/* Replace all permissions of the role by these. */
enum err role_set_permissions(struct ctx *x, struct str actor,
    struct str ref, const struct str *permissions, size_t n,
    struct role *out);

enum err permission_list(struct ctx *x, long limit, long offset,
    struct permission **out, size_t *n, int64_t *total);

enum err permission_create(struct ctx *x, struct str actor,
    const struct permission *p, struct permission *out);

/* Give or take a role, by its id or its name. E_NOT_FOUND, E_LAST_ADMIN. */
enum err role_assign(struct ctx *x, struct str actor, struct str user_ref,
    struct str role_ref);
enum err role_unassign(struct ctx *x, struct str actor, struct str user_ref,
    struct str role_ref);

/* May a user do action on resource? Audited. E_NOT_FOUND: no such user. */
enum err permission_check(struct ctx *x, struct str asker,
    struct str user_ref, struct str resource, struct str action,
    bool *allowed);

#endif
