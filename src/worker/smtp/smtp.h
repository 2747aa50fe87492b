#ifndef WORKER_SMTP_SMTP_H
#define WORKER_SMTP_SMTP_H

#include <poll.h>
#include <stdint.h>

#include "base/arena.h"

/*
 * The one door to libcurl (with smtp_conn, smtp_thread and worker/webclient).
 * Many mails over a few connections to one relay, which are kept and used
 * again: as many are open as there are mails to send at once, `connections` at
 * most, each with a thread while it is used. Mails given to the pool wait in a
 * line for a connection. The pool itself belongs to one thread, and only that
 * thread takes signals.
 */
struct smtp_pool;

#define SMTP_ROOM 512 /* mails in the pool: waiting, under way, ended */

struct smtp_options {
	const char *host;
	long port;
	const char *user;     /* "": no AUTH */
	const char *password;
	bool tls;	      /* required, from the start on port 465 */
	const char *ca_file;  /* "": the system's */
	int connections;      /* 1 to 32 */
};

/* libcurl stuffs dots and ends the data. All must live until the result. */
struct smtp_mail {
	struct str from; /* both passed email_ok */
	struct str to;
	struct str message; /* CRLF lines */
	int priority;	    /* the smallest goes first */
	int64_t before;	    /* µs, monotonic: not to be begun later */
	void *arg;
};

/* How a transfer ended: what the sender can do about it. */
enum smtp_end {
	SMTP_DONE,
	SMTP_UNREACHABLE, /* no relay: name, connection, greeting */
	SMTP_UNTRUSTED,   /* a relay, but TLS or AUTH failed */
	SMTP_REFUSED,     /* the relay answered `code` to this message */
	SMTP_LOST,	      /* the connection ended in the midst of it */
	SMTP_STOPPED,     /* given up by smtp_abandon */
	SMTP_UNSENT,      /* the line was cleared while it waited */
	SMTP_LATE	      /* it waited in the line until `before` */
};

struct smtp_result {
	void *arg;
	enum smtp_end end;
	long code;	    /* last SMTP reply code, 0: none */
	bool maybe_sent;    /* with LOST, STOPPED: the body was on its way */
	bool unasked;	    /* DONE, but a relay without AUTH asked nobody */
	char reason[264];   /* printable, one line */
};

/* Once per process, before any transfer and any thread. */
void smtp_init(void);

/* Copies *o. NULL when the host cannot stand in a URL. */
struct smtp_pool *smtp_new(const struct smtp_options *o);
void smtp_free(struct smtp_pool **t);

/* How many mails in the pool wait for a connection; how many are under way. */
int smtp_waiting(const struct smtp_pool *t);
int smtp_busy(const struct smtp_pool *t);

/* Put a mail into the line; there must be room. */
void smtp_add(struct smtp_pool *t, const struct smtp_mail *m);

/* Put a probe of the relay into the line: connect, TLS, AUTH and NOOP. */
void smtp_probe(struct smtp_pool *t, void *arg);

/*
 * Work for at most ms, or until a transfer ended or `also` (NULL: nothing) has
 * its events. A mail has 5 s to connect and 30 s in all. When the relay does
 * not work for us, the line is cleared: its mails end as UNSENT. A kept
 * connection that turns out to be dead before the relay took the data is
 * replaced once. A relay that takes fewer connections than the pool offers
 * gets fewer for a minute.
 */
void smtp_work(struct smtp_pool *t, struct pollfd *also, int ms);

/* The result of the next transfer that ended; false: there is none. */
bool smtp_next(struct smtp_pool *t, struct smtp_result *out);

/* Clear the line: its mails end as UNSENT. */
void smtp_halt(struct smtp_pool *t);

/* Also give up what is under way: a second at most, whatever the relay does. */
void smtp_abandon(struct smtp_pool *t);

/*
 * True: the pool has no thread until the next smtp_work. False: it still has
 * one, and begins nothing until this was true. A caller that forks, and whose
 * child does more than is async-signal-safe, waits for true: in the child, a
 * lock that a thread held would stay locked for ever.
 */
bool smtp_rest(struct smtp_pool *t);

#endif
