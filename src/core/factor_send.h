#ifndef CORE_FACTOR_SEND_H
#define CORE_FACTOR_SEND_H

#include "core/factor.h"

/*
 * Codes by SMS and mail (rows OT1 to OT5, RL12): six digits, ten minutes, five
 * tries over all that were sent for the same thing.
 */

/* Is this kind offered here? SMS needs a provider in the configuration. */
bool factor_send_offers(const struct ctx *x, struct str kind);

/*
 * A telephone number as E.164 from what was typed. E_VALIDATION with
 * ctx->field, E_FORBIDDEN for a country that is not on the list.
 */
enum err factor_send_phone(struct ctx *x, struct str typed, struct str *out);

/*
 * Row RL12: what may be sent for who (an id) and to one destination, and for
 * SMS what it may cost a day. E_LIMITED with ctx->retry_after.
 */
enum err factor_send_budget(struct ctx *x, struct str who, struct str kind,
    struct str to);

/*
 * Send a code to destination; what it is good for is bound: "setup:<id>",
 * "challenge:<id>", "session:<id>", "key". E_LIMITED with ctx->retry_after.
 */
enum err factor_send(struct ctx *x, const struct subject *s, struct str kind,
    struct str bound, struct str destination);

/*
 * The same to where the live factor sends. asked: somebody wants it, which
 * limits.mail_interval bounds. E_CONFLICT: no such factor.
 */
enum err factor_send_again(struct ctx *x, const struct subject *s,
    struct str kind, struct str bound, bool asked);

/* Is this the code of the row, by its MAC? Constant time. */
bool factor_send_matches(struct ctx *x, struct str code_id, struct str mac,
    struct str code);

#endif
