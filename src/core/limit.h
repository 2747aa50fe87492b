#ifndef CORE_LIMIT_H
#define CORE_LIMIT_H

#include "core/ctx.h"
#include "store/job_store.h"

/*
 * One bucket of the limit table (row RL13). A durable bucket (login,
 * registration, reset, codes) is kept in Redis and charged in Postgres too, so
 * that it holds whatever becomes of Redis. Any other is counted in the memory
 * of this host and settled with other hosts (core/limit_settle.h); one of at
 * most 32 is asked of Redis each time. Without Redis each host counts alone
 * (row RL8).
 */
struct limit {
	const char *name; /* "login": part of the key */
	struct str whose; /* user id …; STR_NONE: the client's network */
	long max;
	int64_t window;	  /* µs */
	bool durable;
	bool by_network;  /* an IPv6 site (/48) shares LIMIT_SITE times max */
	/* filled by taking */
	bool known;	  /* the rest was counted */
	long remaining;
	int64_t reset;	  /* Unix seconds */
};

#define LIMIT_SITE 16

/* Take one. E_OK or E_LIMITED with the time to wait. */
enum err limit_take(struct ctx *x, struct limit *l);

/*
 * May one more mail go to an address because a client asks (row RL12)? At most
 * 20 a day for the address and for the client's network, and, where it repeats
 * what was sent, one in limits.mail_interval for the address and 5 an hour for
 * the network. E_LIMITED, the same for known and unknown addresses.
 */
enum err limit_mail(struct ctx *x, struct str address, bool again);

/*
 * The daily share of limit_mail for the address alone: of a mail whose sender
 * is bounded otherwise. E_LIMITED.
 */
enum err limit_mail_address(struct ctx *x, struct str address);

/*
 * What is mailed to an address that nobody has proved counts with limit_mail's
 * 20 a day for the address, whoever asks and whatever for. The statement of
 * the mail charges it (job_drafts); past it nothing is sent and the answer is
 * the same. A notice, for which nobody waits, takes the first half only, so
 * that strangers' leave resets and codes to the owner. What a person asks for
 * at an address of his own has budgets of its own.
 */
struct job_cap limit_mail_cap(struct ctx *x, struct str address, bool notice);

/*
 * Charge one try of something secret to a bucket that only Postgres counts,
 * before the secret is compared. E_LIMITED with the time to wait.
 */
enum err limit_try(struct ctx *x, struct str bucket, long max, int64_t window);

/*
 * What limit.lua said: E_OK, E_LIMITED, or E_UNAVAILABLE for what it cannot
 * have said.
 */
enum err limit_reply(struct ctx *x, struct limit *l, const struct reply *r);

/* A network for lockout and limits: IPv4 /32, IPv6 /64 (row RL3). */
struct str limit_network(struct ctx *x);

#endif
