#ifndef BASE_EMAIL_H
#define BASE_EMAIL_H

#include "base/str.h"

/*
 * The one rule of what an e-mail address is (rows LG6, RE6), for what is taken
 * from people and for what goes into MAIL FROM and RCPT TO: libcurl hands over
 * what it is given, line ends too.
 */

/*
 * Is s local@domain in ASCII? One '@'; before it a dot-atom (RFC 5322, 3.2.3)
 * of at most 64 bytes without '%' and '!', which were routes, and without "=?",
 * which opens an encoded word; behind it letters, digits and hyphens in labels
 * of at most 63 bytes; LIMIT_EMAIL bytes in all. No quotes, comments, literals
 * or blanks. In any letter case.
 */
bool email_ok(struct str s);

/*
 * The same, and with a domain that mail of strangers can reach: two labels or
 * more, which no local host has, the last not a number, which is an IP address.
 */
bool email_is_public(struct str s);

/* What stands behind the '@' of an address that is ok. */
struct str email_domain(struct str s);

/*
 * "a@x", "Name <a@x>" or "\"Name\" <a@x>" in its parts; *name is STR_NONE
 * where there is none. False when the address is not ok, or the name holds a
 * control character, a quote or a backslash.
 */
bool email_parse(struct str s, struct str *name, struct str *address);

#endif
