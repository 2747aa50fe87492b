#ifndef CORE_FACTOR_FACTOR_SEND_H
#define CORE_FACTOR_FACTOR_SEND_H

#include "core/factor/factor.h"

/*
 * Codes by SMS and mail (rows OT1 to OT5, RL12): six digits, ten minutes. For
 * one thing any of the last three counts, once; five tries over all of them.
 */

/* Is this kind offered here? SMS needs a provider in the configuration. */
bool factor_send_offers(const struct ctx *x, struct str kind);

/* The same; E_CONFLICT where it is not. */
enum err factor_send_offered(struct ctx *x, struct str kind);

/*
 * A telephone number as E.164 from what was typed. E_VALIDATION of the field
 * phone, E_FORBIDDEN for a country that is not on the list.
 */
enum err factor_send_phone(struct ctx *x, struct str typed, struct str *out);

/*
 * What a code is sent for. Each has a budget of its own, kept for the person
 * it serves and for where it goes (where that is proved to be his, for him
 * alone), so that nothing that anybody may ask for uses up the codes of who
 * has proved his password.
 */
enum code_purpose {
	CODE_LOGIN,    /* of a challenge */
	CODE_STEP_UP,  /* of a session, or of an application's user */
	CODE_SETUP,    /* this, and what follows: three quarters of them */
	CODE_RECOVERY, /* anybody may ask; has half of the SMS of a day */
	CODE_METHOD,   /* proves a recovery method */
	CODE_NOTICE,   /* no code, but sent like one */
	CODE_PURPOSES
};

/*
 * Row RL12: what may be sent for who (an id) and to one destination, and for
 * SMS what it may cost a day. E_LIMITED with the time to wait.
 */
enum err factor_send_budget(struct ctx *x, enum code_purpose purpose,
    struct str who, struct str kind, struct str to);

/*
 * Send a code to destination that proves a setup. E_LIMITED with the time to
 * wait, E_CONFLICT: not offered here.
 */
enum err factor_send_setup(struct ctx *x, const struct subject *s,
    struct str kind, struct str pending_id, struct str destination);

/*
 * What a code is good for: a login that waits for it, else a session, by their
 * ids; else what an API key asks.
 */
struct str factor_send_bound(struct arena *a, struct str challenge,
    struct str session);

/*
 * A code to where the live factor sends, good for bound (factor_send_bound).
 * Within FACTOR_SEND_PAUSE of the last one nothing is sent, which is no error.
 * E_CONFLICT: no such factor; E_LIMITED.
 */
#define FACTOR_SEND_PAUSE (30 * CLOCK_SECOND)
struct factor_sent {
	bool sent;
	int64_t again_in; /* seconds until another one is sent */
};
enum err factor_send(struct ctx *x, const struct subject *s, struct str kind,
    struct str bound, struct factor_sent *out);

/* Is this the code of the row, by its MAC? Constant time. */
bool factor_send_matches(struct ctx *x, struct str code_id, struct str mac,
    struct str code);

#endif
