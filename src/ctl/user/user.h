#ifndef CTL_USER_USER_H
#define CTL_USER_USER_H

#include "core/ctx.h"
#include "ctl/ctl.h"
#include "http/schema.h"

/*
 * text as a field of that type (http/schema.h), canonical as a request's
 * would be. NULL, or what is wrong with it.
 */
const char *user_value(struct ctl *c, enum field_type type, const char *name,
    struct str text, struct str *out);

/*
 * The words as "a,b". E_NOT_FOUND: one is no active role, and that was printed.
 */
int user_roles(struct ctl *c, const struct ctl_texts *words,
    struct str *roles);

/* The rules of core, used by an operator: no address, no request. */
struct ctx user_ctx(struct ctl *c);

/* The user an argument names; CTL_OK, or an exit code and why was printed. */
int user_find(struct ctl *c, const char *who, struct ctl_user_find_row *out);

/* Whose password is set. */
struct user_new {
	struct str id; /* STR_NONE: there is no such account yet */
	struct str username, email;
	struct str password; /* STR_NONE: it is read */
};

/*
 * Read a password for this account from standard input, by two questions with
 * ask where that is a terminal, and hash it if the policy accepts it.
 */
int user_hash(struct ctl *c, const struct user_new *u, bool ask,
    struct str *hash);
/* A password by chance, of 98 bits or more, that the policy accepts. */
struct str user_generate(struct ctl *c);

/* Commands in files of their own. */
extern const struct ctl_option user_create_options[],
	user_set_password_options[];
int user_create(struct ctl *c);
int user_set_password(struct ctl *c);
int user_unlock(struct ctl *c);
int user_reset_2fa(struct ctl *c);

#endif
