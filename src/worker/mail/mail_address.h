#ifndef WORKER_MAIL_MAIL_ADDRESS_H
#define WORKER_MAIL_MAIL_ADDRESS_H

#include "base/str.h"

/*
 * "a@x", "Name <a@x>" or "\"Name\" <a@x>" in its parts; *name is STR_NONE
 * where there is none. False when the address is not ok (base/email.h), or the
 * name holds a control character.
 */
bool mail_address_parse(struct str s, struct str *name, struct str *address);

#endif
