#ifndef WORKER_WEBCLIENT_WEBCLIENT_OPTION_H
#define WORKER_WEBCLIENT_WEBCLIENT_OPTION_H

#include <curl/curl.h>

/*
 * Set an option of a transfer, or end the process: libcurl refuses one for want
 * of memory, and a transfer without its option could go to another address,
 * through a proxy, or unprotected.
 */
#define WEBCLIENT_OPTION(easy, option, value) \
	webclient_option_check(curl_easy_setopt(easy, option, value))

void webclient_option_check(CURLcode rc);

#endif
