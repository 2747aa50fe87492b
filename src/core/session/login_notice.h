#ifndef CORE_SESSION_LOGIN_NOTICE_H
#define CORE_SESSION_LOGIN_NOTICE_H

#include "core/outgoing/mail.h"

/*
 * Who is told of a user's login, and how many failures from anywhere came
 * before it; nobody where there is no such user.
 */
enum err login_notice_addressee(struct ctx *x, struct str user_id,
    struct addressee *out, int64_t *failures);

/*
 * The notice about a login from a place not seen before, or after failures
 * (0: not about them) (row LG11), as mail_notice has it.
 */
struct str login_notice(struct ctx *x, const struct addressee *to,
    int64_t failures);

/* Is the owner notified of a login after this many failures? */
bool login_notice_guessed(const struct ctx *x, int64_t failures);

#endif
