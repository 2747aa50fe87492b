#ifndef WORKER_WEBCLIENT_WEBCLIENT_TRUST_H
#define WORKER_WEBCLIENT_WEBCLIENT_TRUST_H

#include <curl/curl.h>

/*
 * For the doors to libcurl alone: whom to talk TLS with. 1.2 or later, with a
 * certificate that is verified and bears the host's name (row WH4), by the
 * authorities in ca_file alone; NULL or "": by the system's.
 */
void webclient_trust(CURL *e, const char *ca_file);

#endif
