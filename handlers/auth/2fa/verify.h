#ifndef HANDLERS_AUTH_2FA_VERIFY_H
#define HANDLERS_AUTH_2FA_VERIFY_H

#include "handlers/shared/party.h"

/* What verify and verify-backup share: fields, and the end of a login. */
extern const struct field verify_fields[];

/* The fields as a try; backup_only: nothing but a backup code counts. */
struct factor_try verify_try(struct call *c, bool backup_only);

/* *p is who asks, found from the fields. Errors of party_of. */
enum err verify_party(struct call *c, struct party *p);

/* End the login of p's challenge and answer with its session. */
enum err verify_end_login(struct call *c, const struct party *p,
    const struct factor_try *t);

#endif
