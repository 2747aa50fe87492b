#ifndef WORKER_WEBCLIENT_WEBCLIENT_TRUST_H
#define WORKER_WEBCLIENT_WEBCLIENT_TRUST_H

#include <curl/curl.h>

/*
 * Only for the doors to libcurl: whom to trust with TLS. TLS 1.2 or later, with
 * a certificate that bears the host's name (row WH4) and that the authorities
 * in ca_file alone vouch for; NULL or "": those of the system.
 */
void webclient_trust(CURL *e, const char *ca_file);

#endif
