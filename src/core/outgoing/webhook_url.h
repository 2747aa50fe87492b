#ifndef CORE_OUTGOING_WEBHOOK_URL_H
#define CORE_OUTGOING_WEBHOOK_URL_H

#include "base/arena.h"
#include "base/net.h"
#include "config/config.h"

/*
 * Where a webhook may point (row WH1): https, or http by configuration; a port
 * of the list; an ASCII host name or a public address, in whatever spelling
 * the system's resolver takes; no user, no fragment, no blank, 2,048 bytes.
 * Names that mean this machine or network are refused at once; what a name
 * resolves to is judged at every connection (webhook_address_ok).
 */
struct webhook_url {
	bool tls;
	struct str host; /* without brackets */
	long port;
	struct str text; /* as it is kept, in a */
};

/*
 * NULL, or the fault: "must …", in a. The text that is kept has one spelling
 * for a host, as all of one host share what it gets (row WH12): scheme and
 * host in lower case, no dot of the root, an address as net_text has it, no
 * port that the scheme implies.
 */
const char *webhook_url_fault(struct arena *a, const struct config *c,
    struct str url, struct webhook_url *out);

/* May the worker connect there (rows WH2, WH3)? */
bool webhook_address_ok(const struct config *c, const struct net_addr *addr);

#endif
