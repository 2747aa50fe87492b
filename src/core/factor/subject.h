#ifndef CORE_FACTOR_SUBJECT_H
#define CORE_FACTOR_SUBJECT_H

#include "core/access/api_key.h"
#include "core/account/account.h"

/* Whose factors: a user of ours, or an application's own (row TO13). */
struct subject {
	struct str id;
	struct str user_id;  /* STR_NONE: an application's */
	struct str owner_id; /* STR_NONE: a user of ours */
	struct str label;    /* how an authenticator names the account */
	struct str greeting; /* of mails with codes */
	bool proved;	     /* label is an address that the user proved */
	bool is_admin;	     /* sends no codes (row OT6), skips nothing (TD2) */
};

/* The subject that is this account; no look-up. */
struct subject subject_of_account(const struct account *a);

/*
 * The subject `name` of a key's owner; make: it is made when it is not there.
 * A name is never another owner's, nor a user of ours. E_SCOPE: a key that may
 * do nothing with factors does not verify them either. E_NOT_FOUND;
 * E_VALIDATION without a name, or past two_factor.max_subjects of them.
 * E_NOT_FOUND is the same for all.
 */
enum err subject_of_key(struct ctx *x, const struct api_key *k,
    struct str name, bool make, struct subject *out);

/* Make the row of a user's subject, once. */
enum err subject_ensure(struct ctx *x, const struct subject *s);

/* Is one of the roles, comma separated, an administrator's? */
bool subject_is_admin(struct str roles);

#endif
