#ifndef CORE_RECOVERY_RECOVERY_METHOD_H
#define CORE_RECOVERY_RECOVERY_METHOD_H

#include "core/session/session.h"
#include "store/job_store.h"

/*
 * Further addresses and telephone numbers by which a user can recover the
 * account (row RC4): several, each proved before it is used, every change
 * notified to all addresses.
 */
struct recovery_method {
	struct str id;
	struct str type; /* email, phone */
	struct str value;
	int64_t verified_at; /* 0: not yet */
	int64_t created_at;
};

enum err recovery_method_list(struct ctx *x, struct str user_id,
    struct recovery_method **out, size_t *n);

/*
 * Send a code there: six digits, 10 min, 3 attempts. E_VALIDATION with
 * the field, E_FORBIDDEN for a country, E_CONFLICT: it is there already, or
 * there are ten, or no SMS are sent here. E_LIMITED.
 */
enum err recovery_method_add(struct ctx *x, const struct account *a,
    struct str type, struct str value, struct recovery_method *out);

/* E_BAD_CODE; E_NOT_FOUND for what is not his. */
enum err recovery_method_verify(struct ctx *x, const struct account *a,
    struct str id, struct str code, struct recovery_method *out);

enum err recovery_method_remove(struct ctx *x, const struct account *a,
    struct str id);

/*
 * A code that recovers an account, or that proves a method, its row's id and
 * MAC, and the message that brings it there, charged to the budgets of codes
 * and of the address (row RL12).
 */
struct recovery_code {
	struct str id;
	struct str mac;
	struct job_draft job;
};
enum err recovery_code_make(struct ctx *x, struct str user_id,
    struct str greeting, bool recovers, struct str type,
    struct str value, struct recovery_code *out);

#endif
