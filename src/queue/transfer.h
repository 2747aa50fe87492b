#ifndef QUEUE_TRANSFER_H
#define QUEUE_TRANSFER_H

#include "base/arena.h"
#include "base/config.h"

/*
 * The one door to libcurl. One handle for one relay: the connection is kept
 * and used again.
 */
struct transfer;

struct transfer_options {
	const char *host;
	long port;
	const char *user;     /* "": no AUTH */
	const char *password;
	bool tls;	      /* required, from the start on port 465 */
	const char *ca_file;  /* "": the system's */
	/* Called a few times a second; true gives the transfer up. */
	bool (*stop)(void *arg);
	void *arg;
};

/* How a transfer ended: what the sender can do about it. */
enum transfer_end {
	TRANSFER_DONE,
	TRANSFER_UNREACHABLE, /* no relay: name, connection, greeting */
	TRANSFER_UNTRUSTED,   /* a relay, but TLS or AUTH failed */
	TRANSFER_REFUSED,     /* the relay answered `code` to this message */
	TRANSFER_LOST,	      /* the connection ended in the midst of it */
	TRANSFER_STOPPED      /* stop() said so */
};

struct transfer_result {
	enum transfer_end end;
	long code;	    /* last SMTP reply code, 0: none */
	bool maybe_sent;    /* with LOST, STOPPED: the body was on its way */
	char reason[264];   /* printable, one line */
};

/* Once per process, before any transfer and any thread. */
void transfer_init(void);

/* NULL when the host cannot stand in a URL. Keeps copies. */
struct transfer *transfer_new(const struct transfer_options *o);
void transfer_free(struct transfer **t);

/*
 * Send message (CRLF lines) from one address to another, both
 * mail_address_ok; libcurl stuffs dots and ends the data. 5 s to connect,
 * 30 s in all. A kept connection that turns out to be dead before the relay
 * took the data is replaced once.
 */
void transfer_mail(struct transfer *t, struct arena *a, struct str from,
    struct str to, struct str message, struct transfer_result *out);

/* Connect, TLS, AUTH and NOOP: is the relay there? */
void transfer_probe(struct transfer *t, struct transfer_result *out);

#endif
