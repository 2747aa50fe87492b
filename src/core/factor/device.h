#ifndef CORE_FACTOR_DEVICE_H
#define CORE_FACTOR_DEVICE_H

#include "core/ctx.h"

/* A device that a user's logins named (rows TD1 to TD3). */
struct device {
	struct str id;
	struct str name;
	bool trusted; /* known after a second factor: it skips that */
	int64_t created_at;
	int64_t last_used_at;
	int64_t expires_at;
};

enum err device_list(struct ctx *x, struct str user_id,
    struct device **out, size_t *n);

/* E_NOT_FOUND for one that is not his. */
enum err device_rename(struct ctx *x, struct str user_id, struct str id,
    struct str name);

/* Forget one, or all (id STR_NONE, never E_NOT_FOUND). */
enum err device_forget(struct ctx *x, struct str user_id, struct str id);

#endif
