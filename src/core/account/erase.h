#ifndef CORE_ACCOUNT_ERASE_H
#define CORE_ACCOUNT_ERASE_H

#include "base/json/json.h"
#include "core/session/session.h"

/*
 * End of an account and what is held about it (rows PV1, PV2, PV3).
 */

/*
 * All sessions end now; after account.erase_after the worker deletes the
 * account and all that belongs to it, unless somebody logs in before. All
 * addresses are told. E_CONFLICT: the last super_admin. *at: when.
 */
enum err erase_request(struct ctx *x, const struct account *a, int64_t *at);

/*
 * {"profile":{…},"sessions":[…],"devices":[…],"api_keys":[…],"webhooks":[…],
 * "recovery_methods":[…],"factors":[…],"subjects":[…],"audit":[…]}; the
 * newest 5,000 lines of the last.
 */
enum err erase_export(struct ctx *x, struct str user_id, cJSON **out);

#endif
