#ifndef WORKER_SMTP_SMTP_CONN_H
#define WORKER_SMTP_SMTP_CONN_H

#include <curl/curl.h>

#include "worker/smtp/smtp.h"
#include "worker/smtp/smtp_thread.h"

/* Only for the pool: one handle of libcurl, and what the relay replied. */
struct smtp_conn {
	struct smtp_thread runner;
	CURL *easy; /* the runner's */
	int entry; /* the pool's entry that is under way here; -1: free */
	char error[CURL_ERROR_SIZE];
	/* of the transfer under way */
	struct curl_slist *to;
	struct str body;
	size_t sent;
	int64_t begun_at; /* µs, monotonic */
	bool again;	  /* a second try on a fresh connection */
	bool probing;
	bool named;	  /* there is a user to log in with */
	bool auth_offered; /* by the last EHLO over this handle */
	bool mail_begun;
	bool body_begun;
	long refusal; /* code of the first reply of 400 or more to it */
	char reply[160]; /* and its text */
};

/* A URL of the relay, which the caller frees, or NULL. */
CURLU *smtp_conn_url(const struct smtp_options *o);

/* url must outlive s. ends: see smtp_thread_init. */
void smtp_conn_open(struct smtp_conn *s, const struct smtp_options *o,
    CURLU *url,
    int ends);
void smtp_conn_close(struct smtp_conn *s);

/* Make ready to send m (NULL: NOOP); again: not over a kept connection. */
void smtp_conn_load(struct smtp_conn *s, const struct smtp_mail *m, bool again);

/* The transfer ended with rc; fill *out with what that means. */
void smtp_conn_judge(const struct smtp_conn *s, CURLcode rc,
    struct smtp_result *out);

/* Forget the message. */
void smtp_conn_unload(struct smtp_conn *s);

#endif
