#ifndef WORKER_MAIL_MAIL_ADDRESS_H
#define WORKER_MAIL_MAIL_ADDRESS_H

#include "base/str.h"

/*
 * Addresses as they go into MAIL FROM and RCPT TO. libcurl hands over what it
 * is given, line ends too (ecosystem trial), so whatever is not plainly an
 * address stops here (rows LG6, RE6).
 */

/*
 * local@domain in ASCII: one '@'; a dot-atom without '%' and '!' of at most 64
 * bytes before it; letters, digits and hyphens in labels of at most 63 bytes
 * behind it; 254 bytes in all. No quotes, comments, literals or blanks.
 */
bool mail_address_ok(struct str s);

/* What stands behind the '@' of an address that is ok. */
struct str mail_address_domain(struct str s);

/*
 * "a@x", "Name <a@x>" or "\"Name\" <a@x>" in its parts; *name is STR_NONE
 * where there is none. False when the address is not ok, or the name holds a
 * control character.
 */
bool mail_address_parse(struct str s, struct str *name, struct str *address);

#endif
