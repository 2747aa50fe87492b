#ifndef CORE_ACCOUNT_ERASE_H
#define CORE_ACCOUNT_ERASE_H

#include "base/json/json.h"
#include "core/session/session.h"

/* Erasure of an account, and export of its data (rows PV1, PV2, PV3). */

/*
 * All sessions end now; after account.erase_after the worker deletes the
 * account and everything that belongs to it, unless the user logs in before.
 * All addresses are notified. E_CONFLICT: the last super_admin. *at: when it is
 * deleted.
 */
enum err erase_request(struct ctx *x, const struct account *a, int64_t *at);

/*
 * {"profile":{…},"sessions":[…],"devices":[…],"api_keys":[…],"webhooks":[…],
 * "recovery_methods":[…],"factors":[…],"subjects":[…],"audit":[…]}; the
 * newest 5,000 lines of the last.
 */
enum err erase_export(struct ctx *x, struct str user_id, cJSON **out);

#endif
