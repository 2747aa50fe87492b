#ifndef QUEUE_TRANSFER_SLOT_H
#define QUEUE_TRANSFER_SLOT_H

#include <curl/curl.h>

#include "queue/transfer.h"
#include "queue/transfer_thread.h"

/* For the pool alone: one handle of libcurl, and what it heard of a relay. */
struct slot {
	struct runner runner;
	CURL *easy; /* the runner's */
	int entry; /* of the pool that is under way here; -1: free */
	char error[CURL_ERROR_SIZE];
	/* of the transfer under way */
	struct curl_slist *to;
	struct str body;
	size_t sent;
	int64_t begun_at; /* µs, monotonic */
	bool again;	  /* on a fresh connection, after a dead one */
	bool probing;
	bool mail_begun;
	bool body_begun;
	long refusal; /* code of the first answer of 400 and more to it */
	char reply[160]; /* and its text */
};

/* A URL of the relay, or NULL. The caller's. */
CURLU *slot_url(const struct transfer_options *o);

/* False without memory. url must outlive it. ends: see runner_init. */
bool slot_open(struct slot *s, const struct transfer_options *o, CURLU *url,
    int ends);
void slot_close(struct slot *s);

/* Make ready to send m (NULL: NOOP); again: not over a kept connection. */
void slot_load(struct slot *s, const struct transfer_mail *m, bool again);

/* It ended with rc; what is that? */
void slot_judge(const struct slot *s, CURLcode rc,
    struct transfer_result *out);

/* Forget the message. */
void slot_unload(struct slot *s);

#endif
