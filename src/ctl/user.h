#ifndef CTL_USER_H
#define CTL_USER_H

#include "ctl/ctl.h"
#include "http/schema.h"

/*
 * text as a field of that type (http/schema.h), canonical as a request's
 * would be. NULL, or what is wrong with it.
 */
const char *user_value(struct ctl *c, enum field_type type, const char *name,
    struct str text, struct str *out);

/*
 * "a,b" of the words; E_NOT_FOUND when one is no active role, and it was
 * said.
 */
int user_roles(struct ctl *c, const struct ctl_texts *words,
    struct str *roles);

/* What is cached of this user or session is old; to be called before commit. */
void user_stale(struct ctl *c, struct str id);

/* posternctl user create, in its own file. */
extern const struct ctl_option user_create_options[];
int user_create(struct ctl *c);

#endif
