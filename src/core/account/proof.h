#ifndef CORE_ACCOUNT_PROOF_H
#define CORE_ACCOUNT_PROOF_H

#include "base/clock.h"
#include "core/account/account.h"
#include "store/job_store.h"

/*
 * The first proof of an address. The mailed code shows who reads the mailbox,
 * not who registered: until both are shown together, a stranger may have
 * registered. A proof of the mailbox alone therefore deletes everything the
 * registrant made (sessions, keys, webhooks, factors, recovery methods, open
 * links), in the statement that proves it: start_over() in the schema, used
 * here and by a password reset, a recovery and an undo.
 */
#define PROOF_CODE_LIFE (600 * CLOCK_SECOND) /* row OT1 */
#define PROOF_CODE_ATTEMPTS 3

/* A verification code's row and MAC, and the mail that carries it. */
struct proof_code {
	struct str id;
	struct str mac;
	struct job_draft job;
};

/* counted: limit_mail has counted the mail. */
struct proof_code proof_code(struct ctx *x, struct str to, bool counted);

/* The verification_token of a registration, by the id in its answer. */
struct str proof_token(struct ctx *x, struct str registration);

/* The code, and at most one thing that shows the registration. */
struct proof {
	struct str email;
	struct str otp;
	struct str token;      /* verification_token, or STR_NONE */
	struct str password;   /* or STR_NONE */
	struct str session_of; /* user id of who is signed in, or STR_NONE */
};

/*
 * Prove an address (rows OT1 to OT4): attempts are charged before anything is
 * compared, at most one request succeeds. The password is looked at after the
 * right code only, and charged like a login. *without_password: it may have
 * been somebody else's, is gone, and a link to set one is on its way.
 * E_BAD_CODE; with the right code, which stays good, E_BAD_TOKEN,
 * E_WRONG_PASSWORD, E_LOCKED, E_BUSY.
 */
enum err proof_confirm(struct ctx *x, const struct proof *p,
    struct account *out, bool *without_password);

/* Mail a new code if there is an unverified account; same answer for all. */
enum err proof_resend(struct ctx *x, struct str email);

#endif
