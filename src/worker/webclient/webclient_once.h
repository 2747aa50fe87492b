#ifndef WORKER_WEBCLIENT_WEBCLIENT_ONCE_H
#define WORKER_WEBCLIENT_WEBCLIENT_ONCE_H

#include "worker/webclient/webclient.h"

/*
 * One request to a host that the operator named, waited for: no redirects, no
 * proxy, TLS verified. For a process that has nothing else to do.
 */
struct webclient_once {
	const char *method, *url;
	const char *const *headers; /* as of struct webclient_post */
	struct str body;	    /* n 0: none */
	const char *ca_file;	    /* "": the system's */
	long connect_ms, total_ms;
};

/* Its status; 0 with *why: no answer came. *shown: the start of an answer. */
long webclient_once_send(const struct webclient_once *o, const char **why,
    char shown[WEBCLIENT_SHOWN + 1]);

#endif
