#ifndef WORKER_SMTP_SMTP_CONN_H
#define WORKER_SMTP_SMTP_CONN_H

#include <curl/curl.h>

#include "worker/smtp/smtp_pool.h"
#include "worker/smtp/smtp_thread.h"

/* For the pool alone: one handle of libcurl, and what it heard of a relay. */
struct smtp_conn {
	struct smtp_thread runner;
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
CURLU *smtp_conn_url(const struct smtp_options *o);

/* False without memory. url must outlive it. ends: see smtp_thread_init. */
bool smtp_conn_open(struct smtp_conn *s, const struct smtp_options *o,
    CURLU *url,
    int ends);
void smtp_conn_close(struct smtp_conn *s);

/* Make ready to send m (NULL: NOOP); again: not over a kept connection. */
void smtp_conn_load(struct smtp_conn *s, const struct smtp_mail *m, bool again);

/* It ended with rc; what is that? */
void smtp_conn_judge(const struct smtp_conn *s, CURLcode rc,
    struct smtp_result *out);

/* Forget the message. */
void smtp_conn_unload(struct smtp_conn *s);

#endif
